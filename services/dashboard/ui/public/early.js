// Runs before the first paint, so that a chosen look does not flash up in another one.
try {
  const look = localStorage.getItem('millrace.look');
  if (look === 'light' || look === 'dark') document.documentElement.dataset.look = look;
} catch {
  // a browser that keeps nothing shows what the system prefers
}
