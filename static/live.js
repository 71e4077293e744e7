// Live updates by server-sent events: new rows on the Events page, and the first event of a new credential.

const MAX_ROWS = 200;
const MAX_REMEMBERED_IDS = 1000;
const FRESH_MS = 3000;
const ANNOUNCE_EVERY_MS = 10_000;
const GIVE_UP_AFTER_MS = 30_000;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;

const table = document.querySelector('table[data-live]');
if (table) showNewEvents(table);
for (const box of document.querySelectorAll('[data-waiting]')) awaitFirstEvent(box);

function showNewEvents(table) {
  const { live: address, liveFirst, liveLastId } = table.dataset;
  const insertsRows = liveFirst !== 'false';
  const body = table.tBodies[0];
  const list = table.closest('.event-list') ?? table;
  const pill = document.querySelector('[data-live-pill]');
  const toggle = document.querySelector('[data-live-switch]');
  const label = document.querySelector('[data-live-label]');

  const seen = new Set([...body.querySelectorAll('tr[data-id]')].map((row) => row.dataset.id));
  let held = [];
  let heldCount = 0;
  const announceCount = countAnnouncer();
  const countInTitle = titleCounter();

  const stream = createStream(address, {
    lastId: liveLastId,
    stored: receive,
    up: () => label?.replaceChildren('Live'),
    down: () => label?.replaceChildren('Reconnecting…'),
    stopped: () => {
      label?.replaceChildren('Live updates stopped. ', link(location.href, 'Refresh'));
      announce('Live updates stopped');
    },
  });

  toggle?.addEventListener('change', () => {
    if (toggle.checked) stream.open();
    else stream.close();
    label?.replaceChildren('Live');
  });
  pill?.addEventListener('click', (event) => {
    // Without rows to insert, the link leads to the first page.
    if (!held.length) return;
    event.preventDefault();
    release();
    document.querySelector('main')?.focus({ preventScroll: true });
    list.scrollIntoView();
  });
  addEventListener('scroll', () => {
    if (held.length && !isScrolledPast()) release();
  }, { passive: true });

  runWhileShown(stream, () => !toggle || toggle.checked);

  function isScrolledPast() {
    return table.getBoundingClientRect().top < 0;
  }

  function receive({ id, html }) {
    if (seen.has(id)) return;
    seen.add(id);
    if (seen.size > MAX_REMEMBERED_IDS) seen.delete(seen.values().next().value);

    announceCount();
    if (document.hidden) countInTitle();

    const row = insertsRows ? parseRow(html, id) : null;
    if (row) held = [row, ...held].slice(0, MAX_ROWS);
    heldCount += 1;
    if (row && !isScrolledPast()) release();
    else showPill();
  }

  function showPill() {
    if (!pill) return;
    pill.querySelector('span').textContent = newEvents(heldCount);
    pill.hidden = false;
  }

  function release() {
    insert(held);
    held = [];
    heldCount = 0;
    if (pill) pill.hidden = true;
  }

  function insert(rows) {
    for (const row of rows) row.classList.add('fresh');
    body.prepend(...rows);
    while (body.rows.length > MAX_ROWS) body.rows[body.rows.length - 1].remove();
    setTimeout(() => {
      for (const row of rows) row.classList.remove('fresh');
    }, FRESH_MS);

    for (const empty of document.querySelectorAll('[data-live-empty]')) empty.hidden = true;
    for (const wrapper of document.querySelectorAll('[data-live-table]')) wrapper.hidden = false;
  }
}

// The markup is our own server's, rendered and escaped by the partial that renders the page's rows.
function parseRow(html, id) {
  const template = document.createElement('template');
  template.innerHTML = html;
  const row = template.content.querySelector('tr');
  if (row) row.dataset.id = id;
  return row;
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
function createStream(address, { lastId, stored, rejected, up, down, stopped }) {
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
      if (source.readyState === EventSource.CLOSED) {
        retryTimer = setTimeout(connect, retryMs);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    });
    source.addEventListener('stored', (event) => {
      const data = JSON.parse(event.data);
      lastId = event.lastEventId || data.id;
      stored(data);
    });
    source.addEventListener('rejected', (event) => rejected?.(JSON.parse(event.data)));
  }

  return { open, close };
}

function countAnnouncer() {
  let count = 0;
  let timer;
  let spokenAt = -Infinity;

  return () => {
    count += 1;
    timer ??= setTimeout(() => {
      announce(newEvents(count));
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
    if (document.hidden || !count) return;
    count = 0;
    document.title = title;
  });

  return () => {
    count += 1;
    document.title = `(${count.toLocaleString('en-US')}) ${title}`;
  };
}

function newEvents(count) {
  return count === 1 ? '1 new event' : `${count.toLocaleString('en-US')} new events`;
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
