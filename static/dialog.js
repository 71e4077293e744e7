// Dialogs: opens links marked data-dialog as a modal, takes over a dialog that the server rendered open,
// and shows what a form's button is waiting for.

const SLOW_MS = 300;
const FETCH_TIMEOUT_MS = 10_000;

let isOpening = false;
const waitingButtons = new Map();
let sentForms = new WeakSet();

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[data-dialog]');
  const opensElsewhere = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (!link || event.defaultPrevented || opensElsewhere) return;
  event.preventDefault();
  if (!isOpening) openFromLink(link);
});

document.addEventListener('submit', (event) => {
  // A second press would take the answer to the first away, and with it a password that is shown once.
  if (event.target.matches('[data-stays]')) return;
  if (event.target.method === 'post') {
    if (sentForms.has(event.target)) event.preventDefault();
    sentForms.add(event.target);
  }
  const button = event.submitter;
  // Later, so that the button's own name and value are still sent.
  if (button?.dataset.waitingLabel) setTimeout(() => event.defaultPrevented || showWaiting(button), SLOW_MS);
});

// The back button can bring this page back as it was left.
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  for (const [button, label] of waitingButtons) {
    button.disabled = false;
    button.replaceChildren(...label);
  }
  waitingButtons.clear();
  sentForms = new WeakSet();
});

takeOver(document.querySelector('dialog[open]:not(:modal)'));

async function openFromLink(link) {
  isOpening = true;
  const label = [...link.childNodes];
  const slow = setTimeout(() => link.replaceChildren('Opening…'), SLOW_MS);
  try {
    const dialog = await fetchDialog(link.href);
    showOver(dialog, link);
  } catch {
    location.assign(link.href);
  } finally {
    clearTimeout(slow);
    link.replaceChildren(...label);
    isOpening = false;
  }
}

async function fetchDialog(href) {
  const response = await fetch(href, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  const hasMoved = new URL(response.url).pathname !== new URL(href).pathname;
  if (!response.ok || hasMoved) throw new Error('The address leads elsewhere');

  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  const dialog = page.querySelector('dialog.dialog');
  if (!dialog) throw new Error('The page has no dialog');
  dialog.removeAttribute('open');
  for (const form of dialog.querySelectorAll('form:not([action])')) form.action = href;
  return dialog;
}

function showOver(dialog, link) {
  const menu = link.closest('details.menu');
  if (menu) menu.open = false;

  document.body.append(dialog);
  show(dialog);
  dialog.addEventListener('close', () => {
    dialog.remove();
    (menu?.querySelector('summary') ?? link).focus();
  });
  dialog.addEventListener('click', (event) => {
    if (!event.target.closest('[data-cancel]')) return;
    event.preventDefault();
    dialog.close();
  });
  onBackdropClick(dialog, () => dialog.close());
}

function takeOver(dialog) {
  if (!dialog) return;
  dialog.close();
  for (const sibling of dialog.parentElement.children) sibling.inert = false;
  show(dialog);

  const cancel = dialog.querySelector('[data-cancel]');
  if (!cancel) return;
  const leave = () => location.assign(cancel.href);
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    leave();
  });
  onBackdropClick(dialog, leave);
}

function show(dialog) {
  dialog.showModal();
  firstField(dialog)?.focus();
}

function firstField(dialog) {
  const field = dialog.querySelector('[autofocus]')
    ?? dialog.querySelector(':is(input:not([type="hidden"]), select, textarea):enabled');
  if (field?.type !== 'radio') return field;
  return [...dialog.querySelectorAll('[type="radio"]:checked')].find((radio) => radio.name === field.name) ?? field;
}

function onBackdropClick(dialog, act) {
  let startedOutside = false;
  // Selecting text from inside to outside also ends in a click on the backdrop.
  dialog.addEventListener('pointerdown', (event) => { startedOutside = event.target === dialog; });
  dialog.addEventListener('click', (event) => {
    if (startedOutside && event.target === dialog) act();
  });
}

function showWaiting(button) {
  waitingButtons.set(button, [...button.childNodes]);
  button.disabled = true;
  button.replaceChildren(button.dataset.waitingLabel);
}
