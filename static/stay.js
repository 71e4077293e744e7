// Forms whose page must not go away, such as the one that shows a password once: they're sent from here, and the word on what was
// done, which the next page would begin with, appears beside the button.

const SLOW_MS = 300;
const TIMEOUT_MS = 15_000;

const busy = new WeakSet();

document.addEventListener('submit', (event) => {
  if (!event.target.matches('form[data-stays]')) return;
  event.preventDefault();
  if (!busy.has(event.target)) send(event.target, event.submitter);
});

async function send(form, button) {
  busy.add(form);
  const label = [...button.childNodes];
  const slow = setTimeout(() => button.replaceChildren(button.dataset.waitingLabel), SLOW_MS);
  const word = await post(form).catch(() => null);
  clearTimeout(slow);
  button.replaceChildren(...label);
  busy.delete(form);

  form.querySelector('[data-answer]').replaceChildren(...(word ? [word] : []));
  form.querySelector('[data-failed]').hidden = Boolean(word);
}

// The answer to a form is the next page; only its notice is wanted.
async function post(form) {
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.action, { method: 'POST', body, headers: { 'X-Shows-Notice': '1' }, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const notice = answer.ok && page.querySelector('main .notice[role="status"]');
  notice?.removeAttribute('role');
  return notice;
}
