// A search that is not at its end goes on by itself: as long as it has found fewer events than a page holds, the next step is
// asked for at the address that the link has, and what it found is put below what is here. It can be stopped, ends with the
// page, and says why it ended where it did. Leaving cancels the request, and with it the search in the database.

const SPEAK_EVERY_MS = 10_000;
const MAX_HIDDEN_MS = 60_000;

const notice = document.querySelector('[data-further]');
const body = document.querySelector('.events-table tbody');
const first = notice?.querySelector('a');
if (body && first?.rel === 'next') goOn(notice, first);

function goOn(notice, link) {
  const pageRows = Number(notice.dataset.further);
  const stop = notice.querySelector('[data-further-stop]');
  const found = notice.querySelector('[data-further-found]');
  const looked = notice.querySelector('[data-further-looked]');
  const said = document.querySelector('[data-further-said]');
  const atFirst = body.rows.length;
  let count = atFirst;
  let problem = '';
  let spokenAt = performance.now();
  let running;
  let isPaused = false;
  let hiddenTimer;

  stop.addEventListener('click', () => {
    end();
    link.focus();
    speak('Search stopped.');
  });
  link.addEventListener('click', (event) => {
    if (isFull() || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    run();
    stop.focus();
  });
  document.addEventListener('visibilitychange', watch);
  addEventListener('pagehide', pause);
  addEventListener('pageshow', (event) => {
    if (event.persisted) resume();
  });
  if (!isFull()) run();
  watch();

  function isFull() {
    return count >= pageRows;
  }

  async function run() {
    const mine = new AbortController();
    running = mine;
    problem = '';
    show();
    try {
      while (!isFull() && await step(mine.signal)) show();
    } catch (error) {
      if (!mine.signal.aborted) problem = error.reason ?? 'The search stopped, because the server did not answer.';
    }
    if (running !== mine) return;
    running = undefined;
    if (!notice.isConnected) return;
    const hadFocus = document.activeElement === stop;
    show();
    if (hadFocus) link.focus();
    speak(`${found.textContent} ${looked.textContent}`);
  }

  function end() {
    running?.abort();
    running = undefined;
    show();
  }

  // Whether there is more to look at.
  async function step(signal) {
    const answer = await fetch(link.href, { signal });
    // Who is signed out is led to the page that asks for the password.
    if (answer.redirected) throw stopped('The search stopped, because you are signed out.');
    if (!answer.ok) throw stopped('The search stopped, because the server is busy.');
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    signal.throwIfAborted();
    add(page);
    const further = page.querySelector('[data-further]');
    if (!further) {
      finish(page);
      return false;
    }
    link.href = further.querySelector('a').getAttribute('href');
    looked.replaceChildren(...further.querySelector('[data-further-looked]').childNodes);
    if (performance.now() - spokenAt >= SPEAK_EVERY_MS) speak(`${found.textContent} ${looked.textContent}`);
    return true;
  }

  // By id, which is by time. What the live connection brought meanwhile is not put there twice.
  function add(page) {
    const shown = new Set([...body.rows].map((row) => row.dataset.id));
    const rows = [...page.querySelectorAll('.events-table tbody tr')].filter((row) => !shown.has(row.dataset.id));
    for (const row of rows) {
      const older = [...body.rows].find((other) => other.dataset.id < row.dataset.id);
      body.insertBefore(row, older ?? null);
    }
    if (rows.length) for (const part of document.querySelectorAll('[data-live-table]')) part.hidden = false;
    count += rows.length;
  }

  // What stands below the rows is that of the last step, as far as it is about what comes after it.
  function finish(page) {
    const pager = document.querySelector('.pager');
    const last = page.querySelector('.pager');
    const older = last?.querySelector('a[rel="next"]');
    if (pager && older) pager.querySelector('a:last-child').replaceWith(older);
    // In whichever step they were found: the span of times that stands there is that of the first.
    if (pager && count > atFirst) {
      const span = pager.querySelector('.num');
      span.textContent = total();
      span.title = '';
    }
    const nothing = page.querySelector('[data-live-empty]');
    const hadFocus = notice.contains(document.activeElement);
    if (count === 0 && nothing) {
      nothing.querySelector('[data-further-more]')?.remove();
      notice.replaceWith(nothing);
    } else notice.remove();
    if (hadFocus) document.querySelector('main')?.focus({ preventScroll: true });
    speak(`${total()}. Search finished.`);
  }

  function total() {
    return count === 1 ? '1 event found' : `${count} events found`;
  }

  function show() {
    const number = count === 0 ? 'Nothing found so far.' : `${count} found so far.`;
    found.textContent = running ? `Searching… ${number}` : [number, problem].filter(Boolean).join(' ');
    link.hidden = Boolean(running);
    stop.hidden = !running;
  }

  function speak(text) {
    spokenAt = performance.now();
    said.textContent = text;
  }

  // A tab that nobody looks at for long does not keep the database busy.
  function watch() {
    clearTimeout(hiddenTimer);
    if (document.hidden) hiddenTimer = setTimeout(pause, MAX_HIDDEN_MS);
    else resume();
  }

  function pause() {
    if (!running) return;
    isPaused = true;
    end();
  }

  function resume() {
    if (!isPaused) return;
    isPaused = false;
    run();
  }
}

function stopped(reason) {
  return Object.assign(new Error(reason), { reason });
}
