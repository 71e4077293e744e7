// Filter forms: submit when a choice changes, keep the focus on it, leave empty fields out of the address, and put the caret where a search
// went wrong.
// Also tells the server the reader's time zone, so that it reads the fields of a range as the reader means them.

const FOCUS_KEY = 'filter-focus';
const YEAR_SECONDS = 31_536_000;

rememberZone();
restoreFocus();
showMistake();
const forms = document.querySelectorAll('form:is(.toolbar, .prefill)');
for (const form of forms) {
  syncCustomRange(form);

  form.addEventListener('change', ({ target }) => {
    if (!target.matches('select')) return;
    syncCustomRange(form);
    if (target.value === 'custom') {
      form.querySelector('[data-custom-range] input')?.focus();
      return;
    }
    rememberFocus(target.id);
    form.requestSubmit();
  });

  form.addEventListener('formdata', ({ formData }) => {
    for (const [name, value] of [...formData]) {
      if (value === '') formData.delete(name);
    }
  });
}

// Going back or reloading restores what was last chosen, which need not be what this page shows.
addEventListener('pageshow', (event) => {
  if (!event.persisted && performance.getEntriesByType('navigation')[0]?.type === 'navigate') return;
  for (const form of forms) {
    form.reset();
    syncCustomRange(form);
  }
});

function syncCustomRange(form) {
  const range = form.querySelector('[data-custom-range]');
  if (!range) return;
  const isCustom = [...form.querySelectorAll('select')].some((select) => select.value === 'custom');
  range.hidden = !isCustom;
  range.disabled = !isCustom;
}

function rememberFocus(id) {
  try {
    sessionStorage.setItem(FOCUS_KEY, id);
  } catch {
    // Storage is blocked: focus starts at the top of the page.
  }
}

function restoreFocus() {
  try {
    const id = sessionStorage.getItem(FOCUS_KEY);
    sessionStorage.removeItem(FOCUS_KEY);
    if (id) document.getElementById(id)?.focus();
  } catch {
    // Storage is blocked: focus starts at the top of the page.
  }
}

// Where a search went wrong, the typing goes on. The column counts characters, which may be two units each.
function showMistake() {
  const field = document.querySelector('[data-wrong-column]');
  if (!field) return;
  const before = [...field.value].slice(0, Number(field.dataset.wrongColumn) - 1).join('');
  field.focus();
  field.setSelectionRange(before.length, before.length);
}

function rememberZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (!timeZone) return;
  const secure = location.protocol === 'https:' ? '; secure' : '';
  document.cookie = `zone=${encodeURIComponent(timeZone)}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
}
