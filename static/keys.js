// Single-key shortcuts, and the dialog that lists them.

const STORAGE_KEY = 'shortcuts';
const SEQUENCE_MS = 1500;
const TYPING = 'input:not([type="checkbox"], [type="radio"]), textarea, select, [contenteditable]';

const PLACES = { e: '/events', s: '/settings/integrations/webhooks', d: '/docs/webhooks/quick-start' };
const ACTIONS = {
  '/': () => focusSearch(),
  l: () => document.querySelector('[data-live-switch]')?.click(),
  j: () => move(1),
  k: () => move(-1),
  o: () => openRow(),
  x: () => currentRow()?.querySelector('[form="pick"]')?.click(),
  a: () => [...document.querySelectorAll('#pick button:enabled')].find((button) => button.checkVisibility())?.focus(),
  c: () => document.querySelector('[data-copy="#raw"]')?.click(),
  g: () => { sequenceEnds = performance.now() + SEQUENCE_MS; },
  '?': () => openList(),
};
const LIST_ROWS = ':is(.events-table, #rejected .table) tbody';
const ARROWS = { ArrowDown: 1, ArrowUp: -1 };
const LIST = [
  [['/'], 'Search'],
  [['l'], 'Live on or off'],
  [['j'], 'Older event'],
  [['k'], 'Newer event'],
  [['Enter'], 'Show the event beside the list'],
  [['o'], 'Open the page of the event'],
  [['x'], 'Select the event'],
  [['a'], 'Go to the actions for selected events'],
  [['c'], 'Copy JSON, on an event'],
  [['g', 'e'], 'Go to Events'],
  [['g', 's'], 'Go to Settings'],
  [['g', 'd'], 'Go to Docs'],
  [['?'], 'Show this list'],
  [['Escape'], 'Close'],
];

let isEnabled = readEnabled();
let sequenceEnds = 0;

for (const toggle of document.querySelectorAll('[data-shortcuts-switch]')) bindSwitch(toggle);

document.addEventListener('keydown', (event) => {
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  if (!isEnabled || event.defaultPrevented || event.isComposing || event.repeat || hasModifier) return;
  if (event.target.closest?.(TYPING) || document.querySelector('dialog:modal')) return;

  const step = event.target.closest?.(LIST_ROWS) && ARROWS[event.key];
  const place = performance.now() < sequenceEnds && PLACES[event.key];
  sequenceEnds = 0;
  if (place) {
    location.assign(place);
  } else if (step) {
    event.preventDefault();
    move(step);
  } else if (Object.hasOwn(ACTIONS, event.key)) {
    // Also keeps "/" from opening Firefox's quick find.
    event.preventDefault();
    ACTIONS[event.key]();
  }
});

document.addEventListener('click', (event) => {
  const opener = event.target.closest?.('[data-shortcuts]');
  if (opener) openList(opener);
});

function focusSearch() {
  const search = document.querySelector('input[type="search"]');
  search?.focus();
  search?.select();
}

function move(step) {
  if (!document.querySelector('.events-table, #rejected')) {
    document.querySelector(step > 0 ? 'a[rel="next"][href]' : 'a[rel="prev"][href]')?.click();
    return;
  }
  const rows = [...document.querySelectorAll(`${LIST_ROWS} tr`)];
  const link = rows[Math.max(0, rows.indexOf(currentRow()) + step)]?.querySelector('a');
  // Beside the list, the next event takes the place of the one that is shown.
  if (document.querySelector('.events-table tr[aria-current]')) link?.click();
  else link?.focus();
}

// The row that has the focus, or whose event is shown beside the list.
function currentRow() {
  return document.activeElement.closest(`${LIST_ROWS} tr`) ?? document.querySelector('.events-table tr[aria-current]');
}

function openRow() {
  const link = (currentRow() ?? document.querySelector(`${LIST_ROWS} tr`))?.querySelector('a');
  if (link) location.assign(link.href);
}

function openList(opener = document.activeElement) {
  const menu = opener.closest('details.menu');
  if (menu) menu.open = false;

  const dialog = buildList();
  dialog.addEventListener('close', () => {
    dialog.remove();
    (menu?.querySelector('summary') ?? opener).focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

function buildList() {
  const title = element('h2', { id: 'shortcuts-title' }, 'Keyboard shortcuts');
  const rows = LIST.map(([keys, label]) => element('tr', {},
    element('td', {}, label),
    element('td', { className: 'end' }, ...keys.flatMap((key, i) => [i ? ' then ' : '', element('kbd', {}, key)]))));
  const table = element('table', { className: 'table' }, element('tbody', {}, ...rows));
  table.setAttribute('aria-labelledby', title.id);

  const toggle = element('input', { type: 'checkbox' });
  bindSwitch(toggle);

  const dialog = element('dialog', { className: 'dialog' },
    element('form', { method: 'dialog' },
      element('header', {}, title),
      table,
      element('section', {}, element('label', { className: 'check' }, toggle, 'Use single-key shortcuts on this device')),
      element('footer', {}, element('button', { className: 'btn', autofocus: true }, 'Close'))));
  dialog.setAttribute('aria-labelledby', title.id);
  dialog.setAttribute('closedby', 'any');
  return dialog;
}

function element(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// On the profile and in the list: both switch the same thing.
function bindSwitch(toggle) {
  toggle.checked = isEnabled;
  toggle.addEventListener('change', () => {
    isEnabled = toggle.checked;
    writeEnabled(isEnabled);
    for (const other of document.querySelectorAll('[data-shortcuts-switch]')) other.checked = isEnabled;
  });
}

function readEnabled() {
  try {
    return localStorage.getItem(STORAGE_KEY) !== 'off';
  } catch {
    return true;
  }
}

function writeEnabled(enabled) {
  try {
    if (enabled) localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, 'off');
  } catch {
    // Storage is blocked: the choice lasts for this page.
  }
}
