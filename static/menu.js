// Menus are native `details`; this adds Escape, the arrow keys, and closing by a click or Tab to elsewhere. And the line of the side
// navigation, which scrolls on small screens, begins where the reader is.

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') closeByEscape(event);
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') moveByArrow(event);
});

document.addEventListener('pointerdown', (event) => closeUnless(event.target));

document.addEventListener('focusout', (event) => {
  // Without a new focus this may be a click on a button in Safari, which doesn't focus buttons.
  if (event.target.closest('details.menu') && event.relatedTarget) closeUnless(event.relatedTarget);
});

function closeUnless(element) {
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    if (!menu.contains(element)) menu.open = false;
  }
}

function closeByEscape(event) {
  const menu = document.querySelector('details.menu[open]');
  if (!menu || document.querySelector('dialog:modal')) return;
  event.preventDefault();
  menu.open = false;
  menu.querySelector('summary').focus();
}

function moveByArrow(event) {
  const menu = event.target.closest?.('details.menu');
  if (!menu) return;
  event.preventDefault();
  menu.open = true;

  const items = [...menu.querySelectorAll('.menu-list :is(a[href], button:enabled)')].filter((item) => item.checkVisibility());
  const current = items.indexOf(document.activeElement);
  const step = event.key === 'ArrowDown' ? 1 : -1;
  const next = current < 0 && step < 0 ? items.length - 1 : current + step;
  items.at(next % items.length)?.focus();
}

// On a small screen the side navigation is a line that scrolls: the place where the reader is comes into view.
const here = document.querySelector('.sidenav [aria-current]');
if (here) {
  const line = here.closest('.sidenav');
  line.scrollLeft += here.getBoundingClientRect().right - line.clientWidth / 2;
}
