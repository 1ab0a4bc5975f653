use std::collections::HashSet;

use contract::OrderParser;
use proptest::prelude::*;

use super::*;

const AT: Timestamp = Timestamp(1_790_000_000_000);

fn written(shop: &mut Shop) -> String {
    let mut value = Vec::new();
    shop.next_order(AT).unwrap().write_json(&mut value);
    String::from_utf8(value).unwrap()
}

fn price_of(product: &str) -> u64 {
    let prices = [
        ("Laptop", 25_000_000),
        ("Điện thoại", 15_000_000),
        ("Tai nghe", 2_000_000),
        ("Chuột gaming", 800_000),
        ("Bàn phím", 1_500_000),
        ("Màn hình", 8_000_000),
    ];
    prices.into_iter().find(|(name, _)| *name == product).unwrap().1
}

proptest! {
    #[test]
    fn every_order_is_one_the_course_could_place(seed: u64, users in 1..5_000_u32, percent in 0..=100_u8) {
        let mut shop = Shop::new(seed, users, percent);
        for n in 0..50 {
            let order = shop.next_order(AT).unwrap();
            let user: u32 = order.user_id.strip_prefix("user-").unwrap().parse().unwrap();
            prop_assert!(user < users);
            prop_assert_eq!(order.order_id, format!("order-{seed:x}-{n}"));
            prop_assert!((1..=3).contains(&order.quantity));
            prop_assert!(["HCM", "Hà Nội", "Đà Nẵng", "Cần Thơ", "Hải Phòng"].contains(&order.city));
            prop_assert_eq!(order.unit_price, Some(price_of(order.product)));
            prop_assert_eq!(order.timestamp, AT);
            if order.is_suspicious {
                prop_assert!((100_000_000..=149_999_999).contains(&order.total));
            } else {
                prop_assert_eq!(order.total, price_of(order.product) * order.quantity);
            }
        }
        prop_assert_eq!(shop.placed(), 50);
    }

    #[test]
    fn what_is_written_is_what_the_parser_reads(seed: u64) {
        let mut shop = Shop::new(seed, 1_000, 50);
        let mut parser = OrderParser::default();
        for _ in 0..20 {
            let mut value = Vec::new();
            let order = shop.next_order(AT).unwrap();
            order.write_json(&mut value);
            prop_assert_eq!(parser.parse(&value, AT).unwrap(), order);
        }
    }

    #[test]
    fn the_share_of_suspicious_orders_changes_nothing_else(seed: u64) {
        let (mut none, mut all) = (Shop::new(seed, 1_000, 0), Shop::new(seed, 1_000, 100));
        for _ in 0..20 {
            let (a, b) = (none.next_order(AT).unwrap(), all.next_order(AT).unwrap());
            prop_assert!(!a.is_suspicious && b.is_suspicious);
            prop_assert_eq!((a.user_id, a.product, a.quantity, a.city), (b.user_id, b.product, b.quantity, b.city));
        }
    }
}

/// Written down, so that a change of generator or of the mapping to ranges is noticed. A second implementation
/// of `ChaCha` with eight rounds (key: the seed in little endian, then zeros) gave the same.
#[test]
fn a_seed_gives_these_orders_for_ever() {
    let mut shop = Shop::new(42, 1_000, 50);
    let orders: Vec<_> = (0..3).map(|_| written(&mut shop)).collect();
    assert_eq!(
        orders,
        [
            r#"{"orderId":"order-2a-0","userId":"user-99","product":"Tai nghe","quantity":1,"unitPrice":2000000,"total":124673623,"city":"Hà Nội","timestamp":"2026-09-21T14:13:20.000Z","isSuspicious":true}"#,
            r#"{"orderId":"order-2a-1","userId":"user-589","product":"Tai nghe","quantity":2,"unitPrice":2000000,"total":103363485,"city":"Hải Phòng","timestamp":"2026-09-21T14:13:20.000Z","isSuspicious":true}"#,
            r#"{"orderId":"order-2a-2","userId":"user-163","product":"Tai nghe","quantity":2,"unitPrice":2000000,"total":123335533,"city":"Hà Nội","timestamp":"2026-09-21T14:13:20.000Z","isSuspicious":true}"#,
        ]
    );
}

#[test]
fn two_seeds_share_no_order_id() {
    let ids = |seed| {
        let mut shop = Shop::new(seed, 10, 5);
        (0..100).map(|_| shop.next_order(AT).unwrap().order_id.to_owned()).collect::<HashSet<_>>()
    };
    assert_eq!(ids(1).len(), 100);
    assert!(ids(1).is_disjoint(&ids(0x11)));
}

#[test]
fn five_in_a_hundred_are_suspicious_and_everything_is_drawn_evenly() {
    const ORDERS: u32 = 60_000;
    let mut shop = Shop::new(7, 4, 5);
    let mut suspicious = 0;
    let mut products = std::collections::HashMap::<_, u32>::new();
    let mut users = std::collections::HashMap::<_, u32>::new();
    for _ in 0..ORDERS {
        let order = shop.next_order(AT).unwrap();
        suspicious += u32::from(order.is_suspicious);
        *products.entry(order.product.to_owned()).or_default() += 1;
        *users.entry(order.user_id.to_owned()).or_default() += 1;
    }
    // Four standard deviations of a binomial: sqrt(60,000 × 0.05 × 0.95) = 53.
    assert!((3_000_u32).abs_diff(suspicious) < 214, "{suspicious}");
    assert!(products.len() == 6 && products.values().all(|n| 10_000_u32.abs_diff(*n) < 366), "{products:?}");
    assert!(users.len() == 4 && users.values().all(|n| 15_000_u32.abs_diff(*n) < 425), "{users:?}");
}
