// Events that are selected in the list: how many, a range of them with Shift, and their ids to copy. What is done with them is a form.

const MOST = 100;

const form = document.getElementById('pick');
const body = document.querySelector('.events-table tbody');
if (form && body) watch(form, body);

function watch(form, body) {
  const count = form.querySelector('[data-pick-count]');
  const copy = form.querySelector('[data-pick-copy]');
  const buttons = [...form.querySelectorAll('button:not([type])')];
  let last;

  body.addEventListener('click', (event) => {
    const box = event.target;
    if (!box.matches('[form="pick"]')) return;
    if (event.shiftKey && last?.isConnected) selectBetween(last, box);
    last = box;
  });
  body.addEventListener('change', show);
  form.addEventListener('reset', () => setTimeout(show));
  addEventListener('pageshow', show);

  function boxes() {
    return [...body.querySelectorAll('[form="pick"]')];
  }

  // As the one that was clicked now.
  function selectBetween(one, other) {
    const all = boxes();
    const [from, to] = [all.indexOf(one), all.indexOf(other)].sort((a, b) => a - b);
    for (const box of all.slice(from, to + 1)) box.checked = other.checked;
  }

  function show() {
    const ids = boxes().filter((box) => box.checked).map((box) => box.value);
    count.textContent = ids.length > MOST ? `${ids.length} selected, ${MOST} at most` : `${ids.length} selected`;
    copy.dataset.copyText = ids.join('\n');
    for (const button of buttons) button.disabled = ids.length > MOST;
  }
}
