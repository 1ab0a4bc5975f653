//! Orders as tests write them.

use contract::order::OrderFields;
use contract::{Order, Timestamp};

/// An order and the Kafka timestamp of its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOrder {
    /// Names the order.
    pub id: String,
    /// Who ordered.
    pub user: String,
    /// What was ordered.
    pub product: String,
    /// Where it goes.
    pub city: String,
    /// VND.
    pub total: u64,
    /// The order's own time.
    pub time: Timestamp,
    /// The record's Kafka timestamp.
    pub record_time: Timestamp,
}

impl TestOrder {
    /// An order of 1,000 VND whose record is as old as itself.
    pub fn at(time: Timestamp, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            user: "user-0".to_owned(),
            product: "Laptop".to_owned(),
            city: "HCM".to_owned(),
            total: 1_000,
            time,
            record_time: time,
        }
    }

    /// The same from another user.
    #[must_use]
    pub fn from(self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self }
    }

    /// The same of another product.
    #[must_use]
    pub fn of(self, product: &str) -> Self {
        Self { product: product.to_owned(), ..self }
    }

    /// The same to another city.
    #[must_use]
    pub fn to(self, city: &str) -> Self {
        Self { city: city.to_owned(), ..self }
    }

    /// The same with another total.
    #[must_use]
    pub fn worth(self, total: u64) -> Self {
        Self { total, ..self }
    }

    /// The order, through the check that every order goes through.
    pub fn order(&self) -> Order<'_> {
        let fields = OrderFields {
            order_id: &self.id,
            user_id: &self.user,
            product: &self.product,
            quantity: 1,
            unit_price: None,
            total: self.total,
            city: &self.city,
            timestamp: self.time,
            is_suspicious: false,
        };
        Order::checked(fields, self.record_time).expect("tests make valid orders")
    }
}
