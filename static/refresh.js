// Parts of a page that change by themselves: `data-refresh="2"` is fetched again every two seconds, until it no longer says so.

for (const part of document.querySelectorAll('[data-refresh][id]')) schedule(part);

function schedule(part) {
  const seconds = Number(part.dataset.refresh);
  if (seconds > 0) setTimeout(refresh, seconds * 1000, part);
}

async function refresh(part) {
  try {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const fresh = page.getElementById(part.id);
    if (!fresh) return;
    // What has ended changes more of the page than this part.
    if (!Number(fresh.dataset.refresh)) return location.reload();
    part.replaceChildren(...fresh.childNodes);
  } catch {
    // The server is away for now: the next look may find it.
  }
  schedule(part);
}
