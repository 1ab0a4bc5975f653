//! What the orders of a measurement are like.

use std::fmt::Write as _;

use anyhow::Result;
use contract::order::OrderFields;
use contract::{Order, Timestamp};
use simulator::Shop;

/// A kind of workload. Event time advances evenly, as in a shop with so many orders a second; velocity
/// alerts stay rare with it (except for the hot user, whom they are meant for), so that about one order in ten
/// raises an alert: three laptops in one order, or a suspicious one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// 2,000 users, 100 orders a second.
    Plain,
    /// 1,000,000 users, each with an order within any 400 s; 2,500 orders a second.
    ManyUsers,
    /// As plain, but every tenth order is of one and the same user.
    HotUser,
    /// As plain, with every character beyond ASCII written as a `\u` escape.
    Escaped,
    /// As plain, and each order's producer records a trace.
    Traced,
}

/// Writes the orders of a workload one after the other.
pub struct Orders {
    workload: Workload,
    shop: Shop,
    begin: Timestamp,
    written: u64,
    user: String,
    plain: Vec<u8>,
}

/// An order as a record.
pub struct Written<'a> {
    /// The user id.
    pub key: &'a str,
    /// When it was placed.
    pub time: Timestamp,
}

const SEED: u64 = 1;
const SUSPICIOUS_PERCENT: u8 = 5;
const MANY_USERS: u64 = 1_000_000;

impl Workload {
    /// As it stands in topic names and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "2,000 users",
            Self::ManyUsers => "1 M users",
            Self::HotUser => "10 % hot user",
            Self::Escaped => "escaped text",
            Self::Traced => "traced",
        }
    }

    /// The topic that holds `orders` of it.
    pub fn topic(self, orders: u64) -> String {
        let name = match self {
            Self::Plain => "plain",
            Self::ManyUsers => "many-users",
            Self::HotUser => "hot-user",
            Self::Escaped => "escaped",
            Self::Traced => "traced",
        };
        format!("bench-{name}-{orders}")
    }

    /// Orders per second of event time.
    fn per_second(self) -> u64 {
        match self {
            Self::ManyUsers => 2_500,
            Self::Plain | Self::HotUser | Self::Escaped | Self::Traced => 100,
        }
    }

    /// How much event time `orders` take, in ms.
    pub fn span_ms(self, orders: u64) -> i64 {
        i64::try_from(orders * 1_000 / self.per_second()).unwrap_or(i64::MAX)
    }
}

impl Orders {
    /// The orders of `workload`, the first placed at `begin`.
    pub fn new(workload: Workload, begin: Timestamp) -> Self {
        let shop = Shop::new(SEED, 2_000, SUSPICIOUS_PERCENT);
        Self { workload, shop, begin, written: 0, user: String::new(), plain: Vec::new() }
    }

    /// Writes the next order's JSON into `value`, which is cleared first.
    ///
    /// # Errors
    /// When `begin` is no time an order may have.
    pub fn write(&mut self, value: &mut Vec<u8>) -> Result<Written<'_>> {
        let time = Timestamp(self.begin.0 + self.workload.span_ms(self.written));
        let order = self.shop.next_order(time)?;
        self.user.clear();
        match self.workload {
            // A stride that shares no factor with the number of users meets all of them before any comes again.
            Workload::ManyUsers => write!(self.user, "user-{}", self.written * 7_919 % MANY_USERS)?,
            Workload::HotUser if self.written.is_multiple_of(10) => self.user.push_str("user-hot"),
            Workload::Plain | Workload::HotUser | Workload::Escaped | Workload::Traced => {
                self.user.push_str(order.user_id);
            }
        }
        self.written += 1;
        let order = of_user(&order, &self.user)?;
        value.clear();
        if self.workload == Workload::Escaped {
            self.plain.clear();
            order.write_json(&mut self.plain);
            escape(std::str::from_utf8(&self.plain)?, value)?;
        } else {
            order.write_json(value);
        }
        Ok(Written { key: &self.user, time })
    }
}

fn of_user<'a>(order: &Order<'a>, user_id: &'a str) -> Result<Order<'a>> {
    let Order { order_id, product, quantity, unit_price, total, city, timestamp, is_suspicious, .. } = *order;
    let fields = OrderFields {
        order_id,
        user_id,
        product,
        quantity,
        unit_price,
        total,
        city,
        timestamp,
        is_suspicious,
    };
    Ok(Order::checked(fields, timestamp)?)
}

/// JSON in ASCII: what lies beyond becomes `\uXXXX`, in pairs where UTF-16 needs two.
fn escape(json: &str, out: &mut Vec<u8>) -> Result<()> {
    use std::io::Write as _;
    let mut units = [0; 2];
    for character in json.chars() {
        if let Ok(byte) =
            u8::try_from(character).map_err(drop).and_then(|b| b.is_ascii().then_some(b).ok_or(()))
        {
            out.push(byte);
        } else {
            for unit in character.encode_utf16(&mut units) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use contract::OrderParser;

    use super::*;

    const BEGIN: Timestamp = Timestamp(1_790_000_000_000);

    fn users(workload: Workload, orders: u64) -> HashMap<String, u64> {
        let (mut shop, mut value, mut users) = (Orders::new(workload, BEGIN), Vec::new(), HashMap::new());
        for _ in 0..orders {
            *users.entry(shop.write(&mut value).unwrap().key.to_owned()).or_default() += 1;
        }
        users
    }

    #[test]
    fn escaped_orders_mean_the_same_as_plain_ones() {
        let (mut plain, mut escaped) =
            (Orders::new(Workload::Plain, BEGIN), Orders::new(Workload::Escaped, BEGIN));
        let (mut one, mut other) = (Vec::new(), Vec::new());
        let (mut parser, mut second_parser) = (OrderParser::default(), OrderParser::default());
        for _ in 0..100 {
            let time = plain.write(&mut one).unwrap().time;
            escaped.write(&mut other).unwrap();
            assert!(other.is_ascii());
            assert_eq!(parser.parse(&one, time).unwrap(), second_parser.parse(&other, time).unwrap());
        }
        let mut pair = Vec::new();
        escape("ế😀", &mut pair).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), r"\u1ebf\ud83d\ude00");
    }

    #[test]
    fn many_users_are_as_many_as_they_say() {
        let users = users(Workload::ManyUsers, 1_000_000);
        assert_eq!(users.len(), 1_000_000);
    }

    #[test]
    fn every_tenth_order_is_the_hot_users() {
        assert_eq!(users(Workload::HotUser, 1_000)["user-hot"], 100);
        assert!(users(Workload::Plain, 20_000).len() > 1_900);
    }

    #[test]
    fn event_time_advances_evenly() {
        assert_eq!(Workload::Plain.span_ms(2_000_000), 20_000_000);
        assert_eq!(Workload::ManyUsers.span_ms(2_000_000), 800_000);
    }
}
