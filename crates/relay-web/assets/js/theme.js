// Runs before anything is drawn, so that a chosen theme never flashes in the other one's colours. A classic script on
// purpose: modules run too late.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem('relay-pulse-theme');
  } catch (error) {
    chosen = null;
  }
  if (/[?&]screenshot=1(&|$)/.test(location.search)) chosen = 'dark';
  var dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
