// Remembers on this device which language tab and which view of a body (Tree or Raw) the reader chose.

const REMEMBERED = 'input[name="lang"], #view-tree, #view-raw';

choose();
// An event beside the list came after the page.
document.addEventListener('shown', choose);

function choose() {
  for (const name of ['lang', 'view']) {
    const tab = document.getElementById(read(name));
    // An address that points into a body decides by itself.
    if (tab?.name === name && tab.matches(REMEMBERED) && !tab.closest('[data-asked]')) tab.checked = true;
  }
}

document.addEventListener('change', ({ target }) => {
  if (target.matches(REMEMBERED)) write(target.name, target.id);
});

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is blocked: the choice lasts for this page.
  }
}
