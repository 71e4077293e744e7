// Filter forms: submit when a choice changes, keep the focus on it, and leave empty fields out of the address.
// Also tells the server the reader's time zone, so that it reads the fields of a range as the reader means them.

const FOCUS_KEY = 'filter-focus';
const YEAR_SECONDS = 31_536_000;

rememberZone();
restoreFocus();
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

function rememberZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (!timeZone) return;
  const secure = location.protocol === 'https:' ? '; secure' : '';
  document.cookie = `zone=${encodeURIComponent(timeZone)}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
}
