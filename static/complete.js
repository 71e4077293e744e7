// Completion of the search field: fields, operators and values of recent events while typing, and in an empty field the searches of
// late. A combobox with a list: arrows choose, Enter or Tab takes what is chosen, Escape closes. Enter without a choice searches.

const RECENT_KEY = 'recent-searches';
const MAX_RECENT = 8;
const TYPING_MS = 150;
const FETCH_TIMEOUT_MS = 5_000;

const field = document.querySelector('[data-completions]');
if (field) complete(field);
// The sign-in page has no such field: whoever signs in next may be somebody else.
else remember();

function complete(input) {
  const list = document.createElement('ul');
  Object.assign(list, { className: 'completions', id: 'q-completions', role: 'listbox', hidden: true });
  list.ariaLabel = 'Suggestions';
  input.after(list);
  input.removeAttribute('list');
  input.role = 'combobox';
  input.setAttribute('aria-controls', list.id);
  input.setAttribute('aria-autocomplete', 'list');
  input.ariaExpanded = 'false';
  let from = 0;
  let chosen = -1;
  let running;
  let timer;

  remember(input.defaultValue);
  input.addEventListener('input', () => {
    running?.abort();
    clearTimeout(timer);
    timer = setTimeout(offer, TYPING_MS);
  });
  input.addEventListener('keydown', (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (list.hidden) offer();
      else choose(chosen + (event.key === 'ArrowDown' ? 1 : -1));
    } else if ((event.key === 'Enter' || event.key === 'Tab') && !list.hidden && chosen >= 0) {
      event.preventDefault();
      take(list.children[chosen]);
    } else if (event.key === 'Escape' && !list.hidden) {
      event.preventDefault();
      close();
    }
  });
  // Searches of late are there for whoever comes to an empty field, and nothing else is in the way.
  input.addEventListener('click', () => {
    if (input.value === '' && list.hidden && recent().length) offer();
  });
  input.addEventListener('blur', close);
  // Before the field loses focus, which would close the list.
  list.addEventListener('pointerdown', (event) => event.preventDefault());
  list.addEventListener('click', (event) => {
    const item = event.target.closest('li');
    if (item) take(item);
  });

  async function offer() {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    const before = input.value.slice(0, input.selectionStart);
    if (input.value === '') {
      show(0, recent().map((text) => ({ text, label: text, isWhole: true })));
      if (!list.hidden) return;
    }
    try {
      const signal = AbortSignal.any([mine.signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
      const answer = await fetch(`${input.dataset.completions}?q=${encodeURIComponent(before)}`, { signal });
      if (!answer.ok || answer.redirected) return;
      const found = await answer.json();
      if (running !== mine || document.activeElement !== input) return;
      // The server counts characters, a field counts UTF-16 units.
      show([...before].slice(0, found.from).join('').length, found.offers);
    } catch {
      // Nothing is suggested: typing goes on as without.
    }
  }

  function show(start, offers) {
    from = start;
    chosen = -1;
    list.replaceChildren(...offers.map(item));
    list.hidden = offers.length === 0;
    input.ariaExpanded = String(!list.hidden);
    input.removeAttribute('aria-activedescendant');
  }

  function item({ text, label, count, isWhole }, at) {
    const option = document.createElement('li');
    Object.assign(option, { id: `q-completion-${at}`, role: 'option', ariaSelected: 'false' });
    option.dataset.text = text;
    if (isWhole) option.dataset.whole = '';
    const code = document.createElement('code');
    code.textContent = label;
    const note = document.createElement('small');
    note.textContent = isWhole ? 'recent' : count ? `in ${count}` : '';
    option.append(code, note);
    return option;
  }

  // One step beyond either end is the field itself.
  function choose(at) {
    const count = list.children.length;
    list.children[chosen]?.setAttribute('aria-selected', 'false');
    chosen = at < -1 ? count - 1 : at >= count ? -1 : at;
    const option = list.children[chosen];
    if (!option) return input.removeAttribute('aria-activedescendant');
    option.ariaSelected = 'true';
    option.scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', option.id);
  }

  // What follows the caret stays.
  function take(option) {
    const end = 'whole' in option.dataset ? input.value.length : input.selectionStart;
    input.setRangeText(option.dataset.text, from, end, 'end');
    close();
    if (/[ :(]$/.test(option.dataset.text)) offer();
  }

  function close() {
    clearTimeout(timer);
    running?.abort();
    running = undefined;
    show(0, []);
  }
}

// The searches of late are kept on this device, the newest first.
function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(RECENT_KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((text) => typeof text === 'string').slice(0, MAX_RECENT) : [];
  } catch {
    return [];
  }
}

// Without a search, all are forgotten.
function remember(search) {
  if (search === '') return;
  try {
    if (search === undefined) return localStorage.removeItem(RECENT_KEY);
    const others = recent().filter((text) => text !== search);
    localStorage.setItem(RECENT_KEY, JSON.stringify([search, ...others].slice(0, MAX_RECENT)));
  } catch {
    // Storage is blocked: nothing is remembered.
  }
}
