// A new password: shown when its writer wants to see it, and how long it would resist, before the server judges it.

const LEAST = 12;

for (const button of document.querySelectorAll('[data-reveal]')) bind(button, document.getElementById(button.dataset.reveal));

function bind(button, field) {
  button.addEventListener('click', () => show(button, field, field.type === 'password'));
  // A browser offers to keep what a password field held.
  field.form.addEventListener('submit', () => show(button, field, false));
  const strength = document.getElementById(`${field.id}-strength`);
  if (strength) field.addEventListener('input', () => { strength.textContent = words(field.value); });
}

function show(button, field, isShown) {
  field.type = isShown ? 'text' : 'password';
  button.textContent = isShown ? 'Hide' : 'Show';
  button.setAttribute('aria-pressed', isShown);
}

function words(text) {
  const chars = [...text];
  if (!chars.length) return '';
  if (chars.length < LEAST) return `${LEAST - chars.length} more needed`;
  // Few different characters, or one word, are soon guessed.
  const different = new Set(chars).size;
  if (different < 6) return 'Weak: easy to guess';
  return chars.length >= 18 && different >= 9 ? 'Strong' : 'Fair: a longer one is safer';
}
