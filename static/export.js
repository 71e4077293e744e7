// Exports: the page that starts one says how far it is. The link or form takes along a name that is made up here, and the server is
// asked about it once a second until the export has ended. Without script it is a download like any other.

const FIRST_ASK_MS = 300;
const ASK_EVERY_MS = 1000;
const SPEAK_EVERY_MS = 30_000;
const GIVE_UP_AFTER_MS = 15_000;
const NAME_BYTES = 16;
const STORAGE_KEY = 'export';
const LOOKS = { done: 'ok', broken_off: 'bad', left: 'warn' };

const box = document.querySelector('[data-export-progress]');
// The export that is asked about.
let current;
if (box) begin();

function begin() {
  document.addEventListener('click', ({ target }) => {
    const link = target.closest?.('a[data-export]');
    if (!link) return;
    link.href = named(link.href);
    const menu = link.closest('details.menu');
    if (menu) menu.open = false;
  });

  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches('form[data-export]')) return;
    // A form that asks for the password first sends the address of the export along.
    const next = form.querySelector('input[name="next"]');
    if (next) next.value = named(next.value);
    else form.querySelector('input[name="id"]').value = follow(makeName());
    const menu = form.closest('details.menu');
    if (menu) menu.open = false;
  });

  // What was started from the page before, such as the one that asks for the password.
  current = remembered();
  if (current) ask(current, { isKnown: false, since: -Infinity, spokenAt: -Infinity, isOwn: false });
}

function named(address) {
  const url = new URL(address, location.href);
  url.searchParams.set('id', follow(makeName()));
  return url.pathname + url.search;
}

function makeName() {
  return [...crypto.getRandomValues(new Uint8Array(NAME_BYTES))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

// Asks about an export from now on, and no longer about another.
function follow(name) {
  current = name;
  remember(name);
  setTimeout(ask, FIRST_ASK_MS, name, { isKnown: false, since: performance.now(), spokenAt: -Infinity, isOwn: true });
  return name;
}

async function ask(name, state) {
  if (current !== name) return;
  let told;
  try {
    const answer = await fetch(`/events/export/progress?id=${name}`, { redirect: 'manual' });
    told = answer.ok ? await answer.json() : { state: 'unknown' };
  } catch {
    // The server is away for now: the next look may find it.
    told = { state: 'away' };
  }
  if (current !== name) return;

  if (told.state === 'running') {
    state.isKnown = true;
    state.unknownSince = undefined;
    show(told, state.isOwn);
    if (performance.now() - state.spokenAt > SPEAK_EVERY_MS) {
      state.spokenAt = performance.now();
      speak(told);
    }
  } else if (told.state in LOOKS) {
    show(told, state.isOwn);
    speak(told);
    remember('');
    return;
  } else if (told.state === 'unknown' && state.isKnown && isUnknownForLong(state)) {
    show({ state: 'left', title: 'The server no longer knows this download.', text: 'Your browser says whether it is complete.' }, state.isOwn);
    remember('');
    return;
  } else if (told.state === 'unknown' && !state.isKnown && performance.now() - state.since > GIVE_UP_AFTER_MS) {
    // It never began.
    remember('');
    return;
  }
  setTimeout(ask, ASK_EVERY_MS, name, state);
}

// The instance that sends it may have ended, and the others hear from it once a second.
function isUnknownForLong(state) {
  state.unknownSince ??= performance.now();
  return performance.now() - state.unknownSince > GIVE_UP_AFTER_MS;
}

function show({ state, title, text, percent }, isOwn) {
  box.hidden = false;
  box.classList.remove(...Object.values(LOOKS));
  if (LOOKS[state]) box.classList.add(LOOKS[state]);
  box.querySelector('[data-title]').textContent = title;
  box.querySelector('[data-text]').textContent = text;
  const bar = box.querySelector('progress');
  bar.hidden = state !== 'running';
  if (percent === null || percent === undefined) bar.removeAttribute('value');
  else bar.value = percent;
  // What was there to start it goes.
  if (!isOwn) return;
  for (const part of document.querySelectorAll('[data-from-export]')) part.hidden = false;
  for (const part of document.querySelectorAll('[data-until-export]')) {
    if (part.contains(document.activeElement)) document.querySelector('main').focus();
    part.hidden = true;
  }
}

function speak({ title, text }) {
  box.querySelector('[role="status"]').textContent = `${title} ${text}`;
}

function remember(name) {
  try {
    if (name) sessionStorage.setItem(STORAGE_KEY, name);
    else sessionStorage.removeItem(STORAGE_KEY);
  } catch {
    // Storage is blocked: the next page does not know of it.
  }
}

function remembered() {
  try {
    return sessionStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}
