// Runs before the first paint, so that a chosen theme does not flash. Kept apart because inline scripts are forbidden here.
try {
  const theme = localStorage.getItem('dunlin.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch (_) {
  // Storage may be switched off; then the system's choice holds.
}
