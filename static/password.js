// A new password: shown when its writer wants to see it, and how long it would resist, before the server judges it.

const LEAST = 12;

for (const box of document.querySelectorAll('[data-reveal]')) bind(box, document.getElementById(box.dataset.reveal));

function bind(box, field) {
  const show = () => { field.type = box.checked ? 'text' : 'password'; };
  box.addEventListener('change', show);
  // A browser offers to keep what a password field held.
  field.form.addEventListener('submit', () => { box.checked = false; show(); });
  const strength = document.getElementById(`${field.id}-strength`);
  field.addEventListener('input', () => { strength.textContent = words(field.value); });
  // One that a browser kept while the page was loaded again.
  show();
}

function words(text) {
  const chars = [...text];
  if (!chars.length) return '';
  if (chars.length < LEAST) return `${LEAST - chars.length} more needed`;
  // Few different characters are soon guessed.
  const different = new Set(chars).size;
  if (different < 6) return 'Weak: easy to guess';
  return chars.length >= 18 && different >= 9 ? 'Strong' : 'Fair: a longer one is safer';
}
