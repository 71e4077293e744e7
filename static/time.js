// Keeps relative times current ("just now", "12 s ago", "21 h left") and adds the reader's local time to the tooltip of others.

const REFRESH_MS = 10_000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

refresh();
setInterval(refresh, REFRESH_MS);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) refresh();
});

function refresh() {
  for (const time of document.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    if ('relative' in time.dataset) refreshText(time, at);
    if (time.title && !time.title.includes('\n') && !isLocal(time)) time.title += `\n${localTime(at)}`;
  }
}

function refreshText(time, at) {
  const isFuture = time.dataset.relative === 'until';
  // A clock that is a little off must not show a negative time.
  const span = duration(Math.max(0, isFuture ? at - Date.now() : Date.now() - at));
  if (!span) return;
  const text = !isFuture && span === '0 s' ? 'just now' : `${span} ${isFuture ? 'left' : 'ago'}`;
  if (time.textContent !== text) time.textContent = text;
}

// The same steps as the server's; from 30 days on the server writes a date, which stays.
function duration(ms) {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  if (ms < 30 * DAY) return `${Math.floor(ms / DAY)} d`;
  return null;
}

// The server writes the reader's own time where it knows the zone.
function isLocal(time) {
  return /UTC[+−]\d/.test(time.textContent);
}

function localTime(at) {
  const clock = at.toLocaleTimeString('en-GB');
  const isSameDate = at.getDate() === at.getUTCDate();
  const date = `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}, `;
  return `${isSameDate ? '' : date}${clock} your time`;
}
