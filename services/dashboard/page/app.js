import { listen } from '/socket.js';
import { words } from '/words.js';

const ALERTS_SHOWN = 20;
const TRENDS_SHOWN = 5;
const REFRESH = 1_000; // ms between reads of what no event tells
const LANGUAGE = 'millrace.language';

const byId = (id) => document.getElementById(id);
const shown = { connected: false, totals: null, hour: null, cities: [], products: [], trends: null, alerts: [] };
let language = localStorage.getItem(LANGUAGE) ?? (navigator.language.startsWith('vi') ? 'vi' : 'en');
let text = words[language] ?? words.en;
let drawPending = false;

const count = (n) => new Intl.NumberFormat(text.locale).format(n);
const money = (n) => new Intl.NumberFormat(text.locale, { style: 'currency', currency: 'VND' }).format(n);
const clock = (iso) => new Date(iso).toLocaleTimeString(text.locale);

function cell(content, className = '') {
  const td = document.createElement('td');
  td.textContent = content;
  td.className = className;
  return td;
}

function rows(items, cells) {
  const drawn = items.map((item) => {
    const tr = document.createElement('tr');
    tr.append(...cells(item));
    return tr;
  });
  if (drawn.length === 0) {
    const tr = document.createElement('tr');
    tr.append(cell(text.none));
    drawn.push(tr);
  }
  return drawn;
}

function growth(entry) {
  if (entry.growth == null) return cell('–', 'number');
  const percent = new Intl.NumberFormat(text.locale, { style: 'percent', signDisplay: 'exceptZero' });
  return cell(percent.format(entry.growth), `number ${entry.growth < 0 ? 'down' : 'up'}`);
}

function ranking(window, name, entries) {
  const part = document.createElement('div');
  const title = document.createElement('h3');
  title.textContent = `${name}, ${text.last} ${text[window] ?? window}`;
  const table = document.createElement('table');
  const head = document.createElement('tr');
  for (const label of [name, text.orders, text.change, text.score]) {
    const th = document.createElement('th');
    th.textContent = label;
    head.append(th);
  }
  const score = (entry) => cell(Number(entry.score).toFixed(1), 'number');
  const body = rows(entries.slice(0, TRENDS_SHOWN), (entry) => [
    cell(entry.name), cell(count(entry.orders), 'number'), growth(entry), score(entry),
  ]);
  table.append(head, ...body);
  part.append(title, table);
  return part;
}

function drawTrends() {
  const { asOf, windows = [] } = shown.trends ?? {};
  byId('as-of').textContent = asOf ? `${text.asOf} ${clock(asOf)}` : text.none;
  byId('trends').replaceChildren(...windows.flatMap((w) => [
    ranking(w.window, text.product, w.productsByScore ?? []),
    ranking(w.window, text.city, w.citiesByScore ?? []),
  ]));
}

function draw() {
  drawPending = false;
  const { connected, totals, hour } = shown;
  byId('connection').textContent = connected ? text.on : text.off;
  byId('connection').className = connected ? 'on' : 'off';
  byId('revenue').textContent = totals ? money(totals.revenue) : '–';
  byId('orders').textContent = totals ? count(totals.orders) : '–';
  byId('average').textContent = totals ? money(totals.orders ? Math.round(totals.revenue / totals.orders) : 0) : '–';
  byId('hour').textContent = hour == null ? '–' : money(hour);
  byId('cities').replaceChildren(...rows(shown.cities, (c) => [cell(c.city), cell(money(c.revenue), 'number')]));
  byId('products').replaceChildren(...rows(shown.products, (p) => [cell(p.product), cell(count(p.orders), 'number')]));
  byId('alerts').replaceChildren(...rows(shown.alerts, (a) => [
    cell(clock(a.timestamp)), cell(a.severity, a.severity === 'CRITICAL' ? 'CRITICAL' : 'HIGH'), cell(a.message), cell(a.userId),
  ]));
  drawTrends();
}

function changed() {
  if (drawPending) return;
  drawPending = true;
  requestAnimationFrame(draw);
}

function speak(next) {
  language = next;
  text = words[language] ?? words.en;
  localStorage.setItem(LANGUAGE, language);
  document.documentElement.lang = language;
  byId('language').textContent = text.other;
  for (const element of document.querySelectorAll('[data-word]')) element.textContent = text[element.dataset.word];
  changed();
}

function onEvent(event, payload) {
  if (event === 'alerts') {
    shown.alerts = [payload, ...shown.alerts].slice(0, ALERTS_SHOWN);
  } else if (payload.type === 'revenue_update') {
    shown.totals = { revenue: payload.totalRevenue, orders: payload.totalOrders };
    shown.hour = payload.hourlyRevenue;
  } else if (payload.type === 'trend_update') {
    shown.trends = payload;
  }
  changed();
}

async function read(path, take) {
  try {
    const response = await fetch(path);
    if (response.ok) take(await response.json());
  } catch {
    // shown by the state of the connection
  }
}

async function refresh() {
  if (!document.hidden) {
    await Promise.all([
      read('/api/stats/cities', (cities) => { shown.cities = cities.slice(0, 20); }),
      read('/api/stats/products', (products) => { shown.products = products.slice(0, 20); }),
    ]);
    changed();
  }
  setTimeout(refresh, REFRESH);
}

function onState(connected) {
  shown.connected = connected;
  // whatever was raised while there was no connection
  if (connected) read('/api/alerts', (alerts) => { shown.alerts = alerts.slice(0, ALERTS_SHOWN); changed(); });
  changed();
}

byId('language').addEventListener('click', () => speak(language === 'vi' ? 'en' : 'vi'));
speak(language);
read('/api/stats', (s) => { shown.totals ??= { revenue: s.totalRevenue, orders: s.totalOrders }; changed(); });
listen(onEvent, onState);
refresh();
