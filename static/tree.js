// The body of an event: what is a page of its own without script opens in place. More children, the next piece of a long text, and
// what can be done with a value. What is fetched is that page; if that fails, the reader goes there.

const FETCH_TIMEOUT_MS = 10_000;
// All levels are opened with what is left out of the page, up to so many pieces of it.
const ALL = 1000;
const MAX_PIECES = 20;
const KINDS = '.tree .more, .tree .here, .tree .j-k[href], a[data-piece]';

let isFetching = false;
let chosenLevels;

document.addEventListener('click', (event) => {
  const link = event.target.closest?.(KINDS);
  const opensElsewhere = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!link || event.defaultPrevented || opensElsewhere) return;
  event.preventDefault();
  if (!isFetching) open(link);
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const bar = event.target.closest?.('.tree .value-bar');
  if (bar) closeBar(bar);
});

document.addEventListener('change', ({ target }) => {
  if (!target.matches('[data-levels]')) return;
  chosenLevels = Number(target.value);
  openLevels();
  if (chosenLevels === ALL) loadAll();
});

async function open(link) {
  const isBar = link.matches('.here, .j-k');
  const bar = document.querySelector('.tree .value-bar');
  if (bar) closeBar(bar);
  if (isBar && bar?.opener === link) return;

  isFetching = true;
  try {
    const page = await fetchPage(link.href);
    if (isBar) showBar(link, page);
    else if (link.matches('.more')) showRows(link, page);
    else showPiece(link, page);
  } catch {
    location.assign(link.href);
  } finally {
    isFetching = false;
  }
}

async function loadAll() {
  if (isFetching) return;
  isFetching = true;
  try {
    for (let pieces = 0; pieces < MAX_PIECES && chosenLevels === ALL; pieces += 1) {
      const link = document.querySelector('.tree .later .more');
      if (!link) return;
      rowsFrom(link, await fetchPage(link.href));
    }
  } catch {
    // The links are still there.
  } finally {
    isFetching = false;
  }
}

async function fetchPage(href) {
  const response = await fetch(href, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  const hasMoved = new URL(response.url).pathname !== new URL(href).pathname;
  if (!response.ok || hasMoved) throw new Error('The address leads elsewhere');
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  // Beside the list of events, the address is another one.
  for (const link of page.querySelectorAll('a[href^="?"]')) link.href = new URL(link.getAttribute('href'), response.url).href;
  return page;
}

function showRows(link, page) {
  focusRow(rowsFrom(link, page));
}

// The children that the link stands for come in its place, opened as far as the others; gives the first of them.
function rowsFrom(link, page) {
  const row = link.closest('li');
  const rows = [...page.querySelector('.tree > li > details > ul').children];
  const kept = rows.filter((each) => !each.matches(row.matches('.earlier') ? '.later' : '.earlier'));
  const first = kept.find((each) => !each.matches('.earlier'));
  row.replaceWith(...kept);
  if (chosenLevels) openLevels();
  return first;
}

function showPiece(link, page) {
  const id = link.dataset.piece;
  const code = document.querySelector(`#${id} code`);
  const added = [...page.querySelector(`#${id} code`).childNodes];
  const next = page.querySelector(`a[data-piece="${id}"]`);
  const line = link.parentElement;
  code.append(...added);
  if (next) {
    line.replaceChildren(...[...next.parentElement.childNodes].slice([...next.parentElement.childNodes].indexOf(next)));
    next.focus({ preventScroll: true });
  } else {
    line.remove();
    code.parentElement.focus({ preventScroll: true });
  }
}

function showBar(link, page) {
  const bar = page.querySelector('.value-bar');
  bar.opener = link;
  const details = link.matches('.here') && link.nextElementSibling;
  if (details) details.open = true;
  (details ? details.querySelector('summary') : link.parentElement).after(bar);
  link.setAttribute('aria-expanded', 'true');
  bar.tabIndex = -1;
  bar.focus();
}

function closeBar(bar) {
  bar.opener.removeAttribute('aria-expanded');
  if (bar.contains(document.activeElement)) bar.opener.focus();
  bar.remove();
}

function openLevels() {
  for (const details of document.querySelectorAll('.tree details')) {
    let level = 1;
    for (let outer = details.parentElement.closest('details'); outer; outer = outer.parentElement.closest('details')) level += 1;
    details.open = level <= chosenLevels;
  }
}

function focusRow(row) {
  (row?.querySelector('summary') ?? row?.querySelector('a'))?.focus();
}
