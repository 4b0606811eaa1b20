// Before the first paint, so that a chosen theme never flashes the other one, nor the header that of somebody else.
try {
  const { dataset } = document.documentElement;
  const theme = localStorage.getItem("knote.theme");
  if (theme === "light" || theme === "dark") dataset.theme = theme;
  const user = location.pathname.startsWith("/shared/") ? "-" : localStorage.getItem("knote.user");
  if (user) dataset.who = user === "-" ? "nobody" : "user";
} catch {}
