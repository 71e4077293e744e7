// Live updates by server-sent events: new rows on the Events page, and the first event of a new credential.

const MAX_ROWS = 200;
const MAX_REMEMBERED_IDS = 2000;
const FRESH_MS = 3000;
const BATCH_MS = 250;
// From so many rows in a batch on, the next one comes later: each is a layout of the whole list.
const LARGE_BATCH = 10;
const LARGE_BATCH_MS = 500;
const OVERVIEW_AFTER_MS = 1000;
const OVERVIEW_EVERY_MS = 10_000;
const REREAD_EVERY_MS = 3_000;
const ANNOUNCE_EVERY_MS = 10_000;
const GIVE_UP_AFTER_MS = 30_000;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;
const FETCH_TIMEOUT_MS = 10_000;
const TOO_MANY_REQUESTS = 429;
const MANY_EVENTS = 'Many events arrived';

const table = document.querySelector('table[data-live]');
if (table) showNewEvents(table);
const rejected = document.querySelector('[data-live-rejected]');
if (rejected) showNewRejections(rejected);
for (const box of document.querySelectorAll('[data-waiting]')) awaitFirstEvent(box);

function showNewEvents(table) {
  const { live: address, liveFirst, livePosition } = table.dataset;
  const insertsRows = liveFirst !== 'false';
  const body = table.tBodies[0];
  const list = table.closest('.event-list') ?? table;
  const pill = document.querySelector('[data-live-pill]');
  const toggle = document.querySelector('[data-live-switch]');
  const label = document.querySelector('[data-live-label]');

  // The page's own rows, and those that came since: a row that was both read and sent is shown once.
  const seen = new Set([...body.rows].map((row) => row.dataset.id));
  // What came and is not shown, as markup.
  let held = [];
  // What came since the last batch, which is counted with the next.
  let arrived = 0;
  let batchTimer;
  let batchedAt = -Infinity;
  let batchMs = BATCH_MS;
  let isPointedAt = false;
  let heldCount = 0;
  let heldMore = false;
  // More came than is sent row by row, so the rows here are no longer a whole list: only loading the page again makes one.
  let isBehind = false;
  // Accepted after they were held: they stand further down, where they first arrived.
  let lateCount = 0;
  let wasDown = false;
  const announceCount = countAnnouncer();
  const countInTitle = titleCounter();
  const refreshOverview = overviewRefresher();

  const stream = createStream(address, {
    lastId: livePosition,
    stored: receive,
    skipped: fallBehind,
    late: receiveLate,
    rejected: refreshOverview,
    up: () => {
      say();
      if (wasDown) refreshOverview();
      wasDown = false;
    },
    down: () => {
      wasDown = true;
      label?.replaceChildren('Reconnecting…');
    },
    full: () => sayNotLive('Not live: too many live pages are open in your account. '),
    stopped: () => sayNotLive('Live updates stopped. '),
  });

  // A pause stops rows from moving. What comes meanwhile is counted, and nothing of it is lost.
  toggle?.addEventListener('change', () => {
    say();
    if (!isPaused()) release();
  });
  pill?.addEventListener('click', (event) => {
    // Without a whole list to insert, the link leads to the first page.
    if (isBehind || !held.length) return;
    event.preventDefault();
    release();
    document.querySelector('main')?.focus({ preventScroll: true });
    list.scrollIntoView();
  });
  addEventListener('scroll', goOn, { passive: true });
  body.addEventListener('focusout', () => setTimeout(goOn));
  document.addEventListener('selectionchange', goOn);
  for (const kind of ['change', 'reset']) document.addEventListener(kind, () => setTimeout(goOn));
  // A pointer that was there before the page came is not pointing at anything.
  body.addEventListener('pointermove', ({ pointerType, movementX, movementY }) => {
    if (pointerType === 'mouse' && (movementX || movementY)) isPointedAt = true;
  });
  body.addEventListener('pointerleave', () => {
    isPointedAt = false;
    goOn();
  });

  runWhileShown(stream, () => true);

  function isPaused() {
    return toggle ? !toggle.checked : false;
  }

  // Reading further down, or among the rows with the pointer, a selection or the keyboard: rows must not move away.
  function isElsewhere() {
    const isAmongRows = body.contains(document.activeElement) && document.activeElement.matches(':focus-visible');
    const selection = getSelection();
    const isSelecting = !selection.isCollapsed && body.contains(selection.anchorNode);
    // An event beside the list, or one that is selected.
    const isBusy = document.querySelector('[data-peek]:not([hidden])') || body.querySelector('[form="pick"]:checked');
    return isPointedAt || isAmongRows || isSelecting || isBusy || table.getBoundingClientRect().top < 0;
  }

  // Shows what waits, if the reader has nothing against it.
  function goOn() {
    if (held.length && !isPaused() && !isElsewhere()) batch();
  }

  function say() {
    label?.replaceChildren(isPaused() ? 'Paused' : 'Live');
  }

  function sayNotLive(words) {
    if (label?.textContent.startsWith(words)) return;
    label?.replaceChildren(words, link(location.href, 'Refresh'));
    announce(words.trim());
  }

  function receive({ id, html }) {
    if (seen.has(id)) return;
    seen.add(id);
    if (seen.size > MAX_REMEMBERED_IDS) seen.delete(seen.values().next().value);

    arrived += 1;
    if (insertsRows && !isBehind) held.push({ id, html });
    if (held.length > MAX_ROWS && !isPaused() && !isElsewhere()) release();
    else if (held.length > MAX_ROWS) setBehind();
    batch();
  }

  // A lone event is there at once; of many, those of a quarter of a second are shown together, in one layout, and of a flood those of half
  // a second.
  function batch() {
    batchTimer ??= setTimeout(() => {
      batchTimer = undefined;
      tally();
      batchMs = held.length < LARGE_BATCH ? BATCH_MS : LARGE_BATCH_MS;
      if (held.length && !isPaused() && !isElsewhere()) release();
      else showPill();
      batchedAt = performance.now();
    }, batchedAt + batchMs - performance.now());
  }

  function fallBehind({ count: skipped, more }) {
    heldMore ||= more || !skipped;
    setBehind();
    // A search that was not asked about all of them may have found none.
    if (skipped) leaveEmpty();
    count(skipped);
    showPill();
  }

  function receiveLate({ count: accepted }) {
    lateCount += accepted;
    refreshOverview();
    announce(lateEvents(accepted));
    showPill();
  }

  function setBehind() {
    isBehind = true;
    held = [];
  }

  function count(number) {
    heldCount += number;
    announceCount(number);
    countMatches(number);
    refreshOverview();
    if (document.hidden) countInTitle(number);
  }

  // Of a search, the overview says it. Else what arrives is so many more.
  function countMatches(number) {
    const matches = document.querySelector('[data-matches]');
    if (!matches || document.querySelector('[data-matching]')) return;
    const [known] = matches.textContent.match(/[\d,]+/) ?? ['0'];
    const all = Number(known.replaceAll(',', '')) + number;
    const bound = matches.textContent.startsWith('at least') ? 'at least ' : '';
    matches.textContent = bound + (all === 1 ? '1 matches' : `${all.toLocaleString('en-US')} match`);
  }

  function tally() {
    if (arrived) count(arrived);
    arrived = 0;
  }

  function showPill() {
    if (!pill) return;
    const words = pillWords();
    pill.querySelector('span').textContent = words;
    pill.hidden = !words;
  }

  function pillWords() {
    if (heldCount && !isBehind) return newEvents(heldCount);
    if (heldCount) return `${newEvents(heldCount, heldMore)}. Reload`;
    if (isBehind) return `${MANY_EVENTS}. Reload to search them`;
    return lateCount ? `${lateEvents(lateCount)}. Reload` : '';
  }

  function release() {
    // There is a gap that only loading the page closes, so what says so stays.
    if (isBehind || !insertsRows) return showPill();
    tally();
    insert(held);
    held = [];
    heldCount = 0;
    showPill();
  }

  // By id, which is by time: what another program stored a moment ago may belong below what is here already.
  function insert(arrivals) {
    const shown = new Set([...body.rows].map((row) => row.dataset.id));
    const rows = arrivals.filter(({ id }) => !shown.has(id)).map(({ id, html }) => parseRow(html, id)).filter(Boolean);
    rows.sort((a, b) => (a.dataset.id < b.dataset.id ? 1 : -1));
    for (const row of rows) row.classList.add('fresh');
    const newest = body.rows[0]?.dataset.id ?? '';
    const newer = rows.filter((row) => row.dataset.id > newest);
    for (const row of rows.slice(newer.length)) {
      const older = [...body.rows].find((other) => other.dataset.id < row.dataset.id);
      body.insertBefore(row, older ?? null);
    }
    body.prepend(...newer);
    for (const row of [...body.rows].slice(MAX_ROWS)) row.remove();
    setTimeout(() => {
      for (const row of rows) row.classList.remove('fresh');
    }, FRESH_MS);

    leaveEmpty();
    for (const wrapper of document.querySelectorAll('[data-live-table]')) wrapper.hidden = false;
  }
}

// What says that there is nothing goes away, and whoever had just pressed a button in it goes on at the top of the page.
function leaveEmpty() {
  for (const empty of document.querySelectorAll('[data-live-empty]')) {
    if (empty.contains(document.activeElement)) document.querySelector('main')?.focus({ preventScroll: true });
    empty.hidden = true;
  }
}

// Totals and chart follow the rows, but calmly: soon after the first news, then no more often than every few seconds, and not in a
// tab that nobody sees.
function overviewRefresher() {
  const address = document.querySelector('[data-overview]')?.dataset.overview;
  let timer;
  let isWanted = false;
  let refreshedAt = -Infinity;

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && isWanted) schedule();
  });

  function schedule() {
    if (!address) return;
    isWanted = true;
    if (document.hidden) return;
    const wait = Math.max(OVERVIEW_AFTER_MS, refreshedAt + OVERVIEW_EVERY_MS - performance.now());
    timer ??= setTimeout(refresh, wait);
  }

  async function refresh() {
    refreshedAt = performance.now();
    isWanted = false;
    try {
      const answer = await fetch(address, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
      const isOurs = answer.ok && !answer.redirected;
      const fresh = isOurs && parseElement(await answer.text(), '[data-overview]');
      const current = document.querySelector('[data-overview]');
      if (fresh && current) replaceOverview(current, fresh);
    } catch {
      // The next news tries again.
    }
    timer = undefined;
    if (isWanted) schedule();
  }

  return schedule;
}

// An open table stays open, and a reader who is inside is not thrown out: it is replaced another time.
function replaceOverview(current, fresh) {
  const matches = document.querySelector('[data-matches]');
  if (matches && fresh.dataset.matching) matches.textContent = fresh.dataset.matching;
  if (current.contains(document.activeElement)) return;
  const isOpen = current.querySelector('details')?.open;
  const details = fresh.querySelector('details');
  if (details && isOpen) details.open = true;
  current.replaceWith(fresh);
}

// The markup is our own server's, rendered and escaped by the partial that renders the page's rows.
function parseRow(html, id) {
  const row = parseElement(html, 'tr');
  if (row) row.dataset.id = id;
  return row;
}

function parseElement(html, selector) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content.querySelector(selector);
}

function awaitFirstEvent(box) {
  let isReceived = false;
  let lastAttempt;
  const attempt = box.querySelector('[data-attempt]');
  const stream = createStream(box.dataset.waiting, {
    stored({ id, ip }) {
      isReceived = true;
      stream.close();
      const text = ip ? `First event received from ${ip}` : 'First event received';
      const row = document.createElement('p');
      row.className = 'row';
      row.append(status('ok', text), link(`/events/${encodeURIComponent(id)}`, 'View event'));
      box.replaceChildren(row);
      tickSteps(box, 3);
      announce(text);
    },
    rejected({ title, explanation, html }) {
      attempt.innerHTML = html;
      tickSteps(box, 2);
      // A sender that tries again every second must not be read out every second.
      if (lastAttempt !== title + explanation) announce(`Rejected: ${title}. ${explanation}`);
      lastAttempt = title + explanation;
    },
  });
  runWhileShown(stream, () => !isReceived);
}

// The steps to a first event: the first so many are done, and the next one is where the reader is.
function tickSteps(box, done) {
  const steps = [...box.closest('ol.steps')?.children ?? []];
  steps.forEach((step, place) => {
    step.querySelector('.tick').hidden = place >= done;
    if (place === done) step.ariaCurrent = 'step';
    else step.removeAttribute('aria-current');
  });
  if (done < steps.length) return;
  for (const part of box.closest('ol.steps')?.querySelectorAll('[data-until-arrived]') ?? []) part.hidden = true;
}

// Repeats change rows that are there, so the list is read again: at once, and then at most every few seconds, for as long as nobody is
// among its rows.
function showNewRejections(part) {
  const toggle = document.querySelector('[data-live-switch]');
  const label = document.querySelector('[data-live-label]');
  // What is filtered is not all that is heard of.
  const isNumbered = !['q', 'reason', 'until'].some((name) => new URLSearchParams(location.search).get(name));
  let isWaiting = false;
  let waiting = 0;
  let isReading = false;
  let wasDown = false;
  const stream = createStream(part.dataset.liveRejected, {
    stored: () => {},
    rejected: () => {
      isWaiting = true;
      waiting += 1;
      say();
      read();
    },
    up: () => {
      isWaiting ||= wasDown;
      wasDown = false;
      say();
      read();
    },
    down: () => {
      wasDown = true;
      label?.replaceChildren('Reconnecting…');
    },
    full: () => label?.replaceChildren('Not live: too many live pages are open in your account. ', link(location.href, 'Refresh')),
    stopped: () => label?.replaceChildren('Live updates stopped. ', link(location.href, 'Refresh')),
  });
  toggle?.addEventListener('change', () => {
    say();
    read();
  });
  part.addEventListener('pointerleave', read);
  part.addEventListener('focusout', () => setTimeout(read));
  document.addEventListener('selectionchange', read);
  runWhileShown(stream, () => true);

  function say() {
    const words = isPaused() ? 'Paused' : 'Live';
    // What waits, because somebody is among the rows, is one click away.
    if (isWaiting && (isPaused() || isAmongRows())) label?.replaceChildren(`${words} `, link(location.href, isNumbered && waiting ? `Show ${waiting} new` : 'Show new'));
    else label?.replaceChildren(words);
  }

  function isPaused() {
    return toggle ? !toggle.checked : false;
  }

  function isAmongRows() {
    const selection = getSelection();
    const isSelecting = !selection.isCollapsed && part.contains(selection.anchorNode);
    return part.matches(':hover') || part.contains(document.activeElement) || isSelecting;
  }

  // With totals and chart, which the same page has.
  function sayChanged(page, number) {
    const [current, fresh] = [document, page].map((whole) => whole.querySelector('[data-overview]'));
    const isOther = current?.dataset.matching !== fresh?.dataset.matching;
    if (current && fresh) replaceOverview(current, fresh);
    if (isNumbered && number) announce(number === 1 ? '1 new rejected attempt' : `${number} new rejected attempts`);
    else if (isOther) announce('The list of rejected attempts has changed');
  }

  async function read() {
    if (!isWaiting || isReading || isPaused() || isAmongRows()) return;
    isReading = true;
    isWaiting = false;
    const told = waiting;
    try {
      const answer = await fetch(location.href, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const fresh = page.getElementById(part.id);
      if (answer.ok && !answer.redirected && fresh && !isAmongRows()) {
        part.replaceChildren(...fresh.childNodes);
        waiting -= told;
        sayChanged(page, told);
      } else isWaiting = true;
    } catch {
      isWaiting = true;
    }
    say();
    setTimeout(() => {
      isReading = false;
      read();
    }, REREAD_EVERY_MS);
  }
}

// A page kept for the back button must not hold a connection.
function runWhileShown(stream, isWanted) {
  addEventListener('pagehide', () => stream.close());
  addEventListener('pageshow', (event) => {
    if (event.persisted && isWanted()) stream.open();
  });
  if (isWanted()) stream.open();
}

// EventSource reconnects by itself after a broken connection, but gives up for good on an error answer.
// This adds that retry, and resumes after the last event that arrived.
function createStream(address, { lastId, stored, skipped, late, rejected, up, down, full, stopped }) {
  let source;
  let retryTimer;
  let giveUpTimer;
  let retryMs = FIRST_RETRY_MS;

  function open() {
    close();
    connect();
  }

  function close() {
    source?.close();
    source = undefined;
    clearTimeout(retryTimer);
    settle();
  }

  function settle() {
    clearTimeout(giveUpTimer);
    giveUpTimer = undefined;
    retryMs = FIRST_RETRY_MS;
  }

  function connect() {
    const url = new URL(address, location.href);
    if (lastId) url.searchParams.set('last_event_id', lastId);
    source = new EventSource(url);

    source.addEventListener('open', () => {
      settle();
      up?.();
    });
    source.addEventListener('error', () => {
      if (giveUpTimer === undefined) {
        giveUpTimer = setTimeout(() => stopped?.(), GIVE_UP_AFTER_MS);
        down?.();
      }
      if (source?.readyState === EventSource.CLOSED) retry(url);
    });
    source.addEventListener('stored', (event) => {
      const data = JSON.parse(event.data);
      lastId = event.lastEventId || data.id;
      stored(data);
    });
    source.addEventListener('skipped', (event) => {
      lastId = event.lastEventId || lastId;
      skipped?.(JSON.parse(event.data));
    });
    // Everything until here was said, whether or not anything of it was for this page.
    source.addEventListener('reached', (event) => { lastId = event.lastEventId || lastId; });
    source.addEventListener('late', (event) => late?.(JSON.parse(event.data)));
    source.addEventListener('rejected', (event) => rejected?.(JSON.parse(event.data)));
  }

  async function retry(url) {
    const refused = source;
    const isFull = await isRefusedForMany(url);
    // The page was left or opened the connection again while it asked.
    if (source !== refused) return;
    if (isFull) {
      clearTimeout(giveUpTimer);
      retryMs = LAST_RETRY_MS;
      full?.();
    }
    retryTimer = setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  }

  return { open, close };
}

// An EventSource does not tell which error it was given, so the address is asked once more.
async function isRefusedForMany(url) {
  const asking = new AbortController();
  try {
    return (await fetch(url, { signal: asking.signal })).status === TOO_MANY_REQUESTS;
  } catch {
    return false;
  } finally {
    asking.abort();
  }
}

function countAnnouncer() {
  let count = 0;
  let timer;
  let spokenAt = -Infinity;

  return (number) => {
    count += number;
    timer ??= setTimeout(() => {
      announce(count ? newEvents(count) : MANY_EVENTS);
      count = 0;
      timer = undefined;
      spokenAt = performance.now();
    }, spokenAt + ANNOUNCE_EVERY_MS - performance.now());
  };
}

function titleCounter() {
  const title = document.title;
  let count = 0;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    count = 0;
    document.title = title;
  });

  return (number) => {
    count += number;
    document.title = `(${count ? count.toLocaleString('en-US') : 'new'}) ${title}`;
  };
}

function newEvents(count, more) {
  return count === 1 && !more ? '1 new event' : `${count.toLocaleString('en-US')}${more ? '+' : ''} new events`;
}

function lateEvents(count) {
  return count === 1 ? '1 late event was accepted' : `${count.toLocaleString('en-US')} late events were accepted`;
}

function status(kind, text) {
  const element = document.createElement('span');
  element.className = `status ${kind}`;
  element.textContent = text;
  return element;
}

function link(href, text) {
  const element = document.createElement('a');
  element.href = href;
  element.textContent = text;
  return element;
}

function announce(text) {
  let region = document.getElementById('announcer');
  if (!region) {
    region = document.createElement('div');
    region.id = 'announcer';
    region.className = 'visually-hidden';
    region.role = 'status';
    document.body.append(region);
  }
  // Screen readers speak a change: the region has to be there first, and empty if the text repeats.
  region.textContent = '';
  setTimeout(() => { region.textContent = text; }, 100);
}
