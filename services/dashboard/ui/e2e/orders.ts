// Orders that are known to the last đồng, and what follows from them, computed apart from the program.

/** An order as a shop sends it. */
export interface Order {
  readonly orderId: string;
  readonly userId: string;
  readonly product: string;
  readonly quantity: number;
  readonly unitPrice: number;
  readonly total: number;
  readonly city: string;
  readonly timestamp: string;
  readonly isSuspicious: boolean;
}

/** What the page must show of orders. */
export interface Expected {
  readonly revenue: number;
  readonly orders: number;
  readonly average: number;
  readonly cities: readonly { readonly city: string; readonly revenue: number }[];
  readonly products: readonly { readonly product: string; readonly orders: number }[];
  readonly hours: ReadonlyMap<string, number>;
  /** Ids of alerts. */
  readonly alerts: readonly string[];
}

/** Texts that would run, or break out, wherever text is taken for markup. */
export const PAYLOADS: readonly string[] = [
  '<script>window.hit=1</script>',
  '<img src=x onerror=window.hit=2>',
  '<svg onload=window.hit=3>',
  '"><script>window.hit=4</script>',
  "'><img src=x onerror=window.hit=5>",
  '<iframe srcdoc="<script>parent.hit=6</script>">',
  '<body onload=window.hit=7>',
  '<details open ontoggle=window.hit=8>',
  '<video><source onerror=window.hit=9>',
  '<audio src=x onerror=window.hit=10>',
  '<input autofocus onfocus=window.hit=11>',
  '<select autofocus onfocus=window.hit=12>',
  '<textarea autofocus onfocus=window.hit=13>',
  '<marquee onstart=window.hit=14>',
  '<object data="javascript:window.hit=15">',
  '<embed src="javascript:window.hit=16">',
  '<a href="javascript:window.hit=17">x</a>',
  '<form action="javascript:window.hit=18"><input type=submit>',
  '<math><mi xlink:href="javascript:window.hit=19">',
  '<svg><script>window.hit=20</script></svg>',
  '<svg><animate onbegin=window.hit=21 attributeName=x>',
  '<style>@import "javascript:window.hit=22"</style>',
  '<link rel=stylesheet href="javascript:window.hit=23">',
  '<meta http-equiv=refresh content="0;javascript:window.hit=24">',
  '<base href="javascript:window.hit=25//">',
  '<template><script>window.hit=26</script></template>',
  '</script><script>window.hit=27</script>',
  '</title><script>window.hit=28</script>',
  '</textarea><script>window.hit=29</script>',
  '</style><script>window.hit=30</script>',
  '--><script>window.hit=31</script>',
  ']]><script>window.hit=32</script>',
  '{{constructor.constructor("window.hit=33")()}}',
  '${window.hit=34}',
  '`${window.hit=35}`',
  '$t(alerts.heading)',
  '{{formatted}}',
  'javascript:window.hit=38',
  'data:text/html,<script>window.hit=39</script>',
  '" autofocus onfocus="window.hit=40',
  "' onmouseover='window.hit=41",
  'x" style="position:fixed;inset:0" onclick="window.hit=42',
  '&lt;script&gt;window.hit=43&lt;/script&gt;',
  '&#60;script&#62;window.hit=44&#60;/script&#62;',
  '\\u003cscript\\u003ewindow.hit=45\\u003c/script\\u003e',
  '%3Cscript%3Ewindow.hit=46%3C/script%3E',
  '<scr<script>ipt>window.hit=47</scr</script>ipt>',
  '<ScRiPt/src=data:,window.hit=48>',
  '__proto__',
  '\u202e<b>tpircs</b> ไทย 🛒 "\'`',
];

let number = 0;

/** One order with what matters in a test. */
export function order(what: Partial<Order> & { readonly total: number }): Order {
  number += 1;
  return {
    orderId: `o-${number}`,
    userId: `user-${number}`,
    product: 'Laptop',
    quantity: 1,
    unitPrice: what.total,
    city: 'HCM',
    timestamp: new Date().toISOString(),
    isSuspicious: false,
    ...what,
  };
}

const CITIES = ['HCM', 'Hà Nội', 'Đà Nẵng', 'Cần Thơ', 'Hải Phòng'];
const PRODUCTS = ['Laptop', 'Điện thoại', 'Tai nghe', 'Chuột gaming', 'Bàn phím', 'Màn hình'];

/** Orders of the last hours: of everything something, and both kinds of alerts. */
export function someOrders(): Order[] {
  const now = Date.now();
  const usual = Array.from({ length: 240 }, (_, n) => order({
    total: 1_000_000 + ((n * 7_919) % 40_000_000),
    city: CITIES[n % 7 % CITIES.length] ?? 'HCM',
    product: PRODUCTS[n % 11 % PRODUCTS.length] ?? 'Laptop',
    timestamp: new Date(now - 4 * 3_600_000 + n * 55_000).toISOString(),
  }));
  const high = [50_000_000, 50_000_001, 120_000_000].map((total) => order({ total }));
  const minute = Math.floor(now / 60_000) * 60_000;
  const hasty = Array.from({ length: 13 }, (_, n) => order({
    total: 800_000, userId: 'user-hasty', timestamp: new Date(minute + n).toISOString(),
  }));
  return [...usual, ...high, ...hasty];
}

/** What a shop sells from one evening to the next: little at night, most at noon and after work; and the last minutes. */
export function aDay(now: number): Order[] {
  const hour = 3_600_000;
  const sold = (n: number, at: number) => order({
    total: 2_000_000 + ((n * 7_919_000) % 31_000_000),
    city: CITIES[(n * n) % 7 % CITIES.length] ?? 'HCM',
    product: PRODUCTS[(n * n) % 11 % PRODUCTS.length] ?? 'Laptop',
    timestamp: new Date(at).toISOString(),
  });
  const hours = Array.from({ length: 23 }, (_, back) => {
    const begin = now - (23 - back) * hour;
    const local = new Date(begin + 7 * hour).getUTCHours();
    const busy = Math.round(6 + 60 * Math.exp(-(((local - 12) / 3) ** 2)) + 90 * Math.exp(-(((local - 20) / 2.5) ** 2)));
    return Array.from({ length: busy }, (__, n) => sold(n, begin + (n * hour) / busy));
  });
  const minutes = Array.from({ length: 300 }, (_, n) => sold(n, now - 600_000 + n * 2_000));
  return [...hours.flat(), ...minutes];
}

/** Orders with a payload wherever a user can put one, enough of them to fill every list; each raises an alert. */
export function payloadOrders(): Order[] {
  return PAYLOADS.flatMap((payload, which) => [
    order({ total: 9_000_000_000, product: payload, city: payload, userId: payload, orderId: `${payload}!` }),
    ...Array.from({ length: 119 }, (_, n) =>
      order({ total: 90_000, product: payload, city: payload, userId: `user-${which}-${n}` })),
  ]);
}

/** What follows from orders. */
export function expected(orders: readonly Order[]): Expected {
  const cities = new Map(CITIES.map((city) => [city, 0]));
  const [products, hours, minutes] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  const alerts: string[] = [];
  const add = (to: Map<string, number>, key: string, amount: number) => {
    const sum = (to.get(key) ?? 0) + amount;
    to.set(key, sum);
    return sum;
  };
  for (const { orderId, userId, product, city, total, timestamp } of orders) {
    add(cities, city, total);
    add(products, product, 1);
    add(hours, timestamp.slice(0, 13), total);
    if (total > 50_000_000) alerts.push(`high-value:${orderId}`);
    if (add(minutes, `${userId} ${timestamp.slice(0, 16)}`, 1) > 10) alerts.push(`velocity:${orderId}`);
  }
  const revenue = orders.reduce((sum, one) => sum + one.total, 0);
  const byName = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  return {
    revenue,
    orders: orders.length,
    average: orders.length === 0 ? 0 : Math.round(revenue / orders.length),
    cities: [...cities].map(([city, sum]) => ({ city, revenue: sum }))
      .toSorted((a, b) => b.revenue - a.revenue || byName(a.city, b.city)),
    products: [...products].map(([product, count]) => ({ product, orders: count }))
      .toSorted((a, b) => b.orders - a.orders || byName(a.product, b.product)),
    hours,
    alerts,
  };
}
