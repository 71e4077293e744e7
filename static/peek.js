// The panel beside the list of events: Enter or a click shows a row's event there, j and k go on to the next row, Escape, Close and Back
// lead back to the list as it was. What is shown is the part of the event's own page; if that fails, the reader goes there.

const SLOW_MS = 300;
const FETCH_TIMEOUT_MS = 10_000;

const panel = document.querySelector('[data-peek]');
const body = document.querySelector('.events-table tbody');
if (panel && body) watch(panel, body);

function watch(panel, body) {
  const name = panel.querySelector('[data-peek-name]');
  const page = panel.querySelector('[data-peek-page]');
  const part = panel.querySelector('[data-peek-part]');
  const said = document.querySelector('[data-peek-said]');
  let asking;

  body.addEventListener('click', (event) => {
    const link = event.target.closest('a');
    const opensElsewhere = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || event.defaultPrevented || opensElsewhere) return;
    event.preventDefault();
    open(link.closest('tr'));
  });
  panel.querySelector('[data-peek-close]').addEventListener('click', (event) => {
    event.preventDefault();
    leave();
  });
  document.addEventListener('keydown', (event) => {
    const isOthers = event.defaultPrevented || document.querySelector('dialog:modal') || event.target.closest?.('.toolbar, .value-bar');
    if (event.key === 'Escape' && !panel.hidden && !isOthers) leave();
  });
  addEventListener('popstate', () => {
    const row = find(new URL(location.href).searchParams.get('peek'));
    if (row) show(row);
    else if (!panel.hidden) close();
  });
  if (!panel.hidden) begin();

  // The address of the page says which event is shown.
  function begin() {
    const row = find(panel.dataset.peek);
    if (row) show(row);
    else load(page.href);
  }

  function find(id) {
    return id ? [...body.rows].find((row) => row.dataset.id === id) : undefined;
  }

  // The list is one step back, however many events were looked at.
  function open(row) {
    const address = new URL(location.href);
    address.searchParams.set('peek', row.dataset.id);
    if (panel.hidden) history.pushState({ peek: true }, '', address);
    else history.replaceState(history.state, '', address);
    show(row);
  }

  function leave() {
    if (history.state?.peek) return history.back();
    const address = new URL(location.href);
    address.searchParams.delete('peek');
    history.replaceState(null, '', address);
    close();
  }

  function close() {
    asking?.abort();
    panel.hidden = true;
    part.replaceChildren();
    const row = current();
    mark(undefined);
    // After the browser has put the page back to where it was.
    requestAnimationFrame(() => (row?.querySelector('a') ?? document.getElementById('list'))?.focus());
  }

  function current() {
    return body.querySelector('tr[aria-current]');
  }

  function mark(row) {
    current()?.removeAttribute('aria-current');
    if (row) row.ariaCurrent = 'true';
  }

  function show(row) {
    const wasOpen = !panel.hidden;
    mark(row);
    row.scrollIntoView({ block: 'nearest' });
    const link = row.querySelector('a');
    name.textContent = link.querySelector('.visually-hidden').textContent.trim();
    page.href = link.href;
    panel.hidden = false;
    panel.dataset.peek = row.dataset.id;
    if (wasOpen) said.textContent = `Event ${name.textContent}, row ${row.sectionRowIndex + 1} of ${body.rows.length}`;
    load(link.href);
  }

  async function load(href) {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    keepFocus();
    const slow = setTimeout(() => part.replaceChildren('Opening…'), SLOW_MS);
    try {
      const address = new URL(href);
      address.searchParams.set('peek', '1');
      const answer = await fetch(address, { signal: AbortSignal.any([mine.signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]) });
      if (!answer.ok || answer.redirected) throw new Error('The address leads elsewhere');
      const text = await answer.text();
      mine.signal.throwIfAborted();
      fill(text, href);
    } catch {
      if (!mine.signal.aborted) location.assign(href);
    } finally {
      clearTimeout(slow);
    }
  }

  function fill(text, href) {
    const fresh = new DOMParser().parseFromString(text, 'text/html').body;
    // Links of the event's page that begin with "?" are about that page.
    for (const link of fresh.querySelectorAll('a[href^="?"]')) link.href = new URL(link.getAttribute('href'), href).href;
    part.replaceChildren(...fresh.childNodes);
    panel.scrollTop = 0;
    keepFocus();
    document.dispatchEvent(new Event('shown'));
  }

  function keepFocus() {
    if (!panel.contains(document.activeElement)) panel.focus({ preventScroll: true });
  }
}
