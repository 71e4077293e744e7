// Copy buttons: puts a value on the clipboard, says so, and guards the page that shows a password once.

const FEEDBACK_MS = 2000;
const HOLDS_PASSWORD = ['#password', '#curl', '#authorization', '#recovery-codes'];
const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform);

const feedback = new WeakMap();
let disarmLeaveGuard = () => {};

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('[data-copy], [data-copy-text], [data-copy-url]');
  if (button) copy(button);
});

guardLeaving(document.querySelector('main[data-leave-guard]'));

// What shows something once is the answer to a form. Under an address of its own, Back and Reload lead to a page and ask nothing.
const own = document.querySelector('main[data-address]');
if (own) history.replaceState(null, '', own.dataset.address);

async function copy(button) {
  const target = button.dataset.copy && document.querySelector(button.dataset.copy);
  const text = button.dataset.copyUrl ? await received(button) : shown(target, button);
  if (text === undefined) {
    announce('Nothing was copied, because the server did not answer');
    return;
  }

  if ((await writeToClipboard(text)) || copyBySelection(text, button)) {
    showCopied(button);
    announce('Copied');
    if (HOLDS_PASSWORD.includes(button.dataset.copy)) disarmLeaveGuard();
  } else {
    selectForReader(target, text, button);
    announce(`Press ${IS_MAC ? '⌘C' : 'Ctrl+C'} to copy`);
  }
}

function shown(target, button) {
  return target ? target.textContent.replace(/\r?\n$/, '') : button.dataset.copyText;
}

// A body is shown with its invisible characters spelled out; what is copied is the body as it was received.
async function received({ dataset }) {
  try {
    const answer = await fetch(dataset.copyUrl, { credentials: 'same-origin' });
    if (!answer.ok) return undefined;
    const text = await answer.text();
    // Of a string, whoever copies one value wants the text and not its quotes.
    return 'copyDecoded' in dataset && text.startsWith('"') ? JSON.parse(text) : text;
  } catch {
    return undefined;
  }
}

// Plain http has no navigator.clipboard, and a browser may refuse; both end up as false.
async function writeToClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function copyBySelection(text, button) {
  const area = textArea(text, 'visually-hidden');
  // A browser copies a selection as it is rendered, with spaces collapsed; the value has to stay exact.
  area.addEventListener('copy', (event) => {
    event.clipboardData.setData('text/plain', text);
    event.preventDefault();
  });
  // Beside the button, because everything outside an open modal is inert.
  button.after(area);
  area.select();
  let copied = false;
  try {
    copied = document.execCommand('copy');
  } catch {
    // Reported as not copied.
  }
  area.remove();
  button.focus();
  return copied;
}

function selectForReader(target, text, button) {
  if (target?.checkVisibility()) {
    getSelection().selectAllChildren(target);
    return;
  }
  // The value is not on screen (a curl line, or a tab that is not open), so it is shown in a field.
  const area = textArea(text, 'input');
  area.setAttribute('aria-label', 'Value to copy');
  area.addEventListener('blur', () => area.remove());
  button.after(area);
  area.select();
}

function textArea(text, className) {
  const area = document.createElement('textarea');
  area.className = className;
  area.readOnly = true;
  area.value = text;
  return area;
}

function showCopied(button) {
  const use = button.querySelector('use');
  const idleHref = feedback.get(button)?.idleHref ?? use?.getAttribute('href');
  clearTimeout(feedback.get(button)?.timer);

  button.dataset.copied = '';
  use?.setAttribute('href', idleHref.replace(/#.*$/, '#check'));
  const timer = setTimeout(() => {
    delete button.dataset.copied;
    use?.setAttribute('href', idleHref);
    feedback.delete(button);
  }, FEEDBACK_MS);
  feedback.set(button, { idleHref, timer });
}

function guardLeaving(main) {
  if (!main) return;

  const ask = (event) => {
    event.preventDefault();
    // Later: Chromium doesn't ask if the listener is gone when the event ends.
    setTimeout(disarmLeaveGuard);
  };
  disarmLeaveGuard = () => removeEventListener('beforeunload', ask);
  addEventListener('beforeunload', ask);

  // Coming back to a page that the browser has kept would show the password again.
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    disarmLeaveGuard();
    location.replace(main.dataset.leaveGuard);
  });

  main.addEventListener('click', (event) => {
    if (event.target.closest('[download], [data-saved]')) disarmLeaveGuard();
  });
  // Copying by hand counts too.
  document.addEventListener('copy', () => {
    const selected = getSelection().toString();
    const values = HOLDS_PASSWORD.map((id) => document.querySelector(id)?.textContent.trim());
    if (values.some((value) => value && selected.includes(value))) disarmLeaveGuard();
  });
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
