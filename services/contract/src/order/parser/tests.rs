use proptest::prelude::*;

use super::OrderParser;
use crate::order::{Order, OrderFields, Rejection};
use crate::time::Timestamp;

mod generate;
mod reference;

use generate::{OwnedFields, Style, any_fields, any_members, mutation, render, style, unknown_members};

/// Later than every generated order.
const RECORD_TIME: Timestamp = Timestamp::LATEST;

fn outcome(parser: &mut OrderParser, value: &[u8]) -> Result<OwnedFields, Rejection> {
    parser.parse(value, RECORD_TIME).map(OwnedFields::from)
}

/// Compares with the reference, where that has an opinion.
fn agrees(value: &[u8]) -> Result<(), TestCaseError> {
    let ours = outcome(&mut OrderParser::default(), value);
    if let Ok(reference) = reference::parse(value, RECORD_TIME) {
        prop_assert_eq!(ours.ok(), reference, "{}", String::from_utf8_lossy(value));
    }
    Ok(())
}

fn shuffled_members() -> impl Strategy<Value = (OwnedFields, Vec<(String, String)>)> {
    (any_fields(), unknown_members(), style()).prop_flat_map(|(fields, unknown, style)| {
        let members: Vec<_> = fields.members(&style).into_iter().chain(unknown).collect();
        (Just(fields), Just(members).prop_shuffle())
    })
}

fn written(order: &Order<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    order.write_json(&mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn valid_orders_are_read_however_they_are_written(
        (fields, members) in shuffled_members(), style in style(),
    ) {
        let value = render(&members, &style);
        let text = String::from_utf8_lossy(&value).into_owned();
        prop_assert_eq!(outcome(&mut OrderParser::default(), &value), Ok(fields.clone()), "{}", text);
        prop_assert_eq!(reference::parse(&value, RECORD_TIME), Ok(Some(fields)), "{}", text);
    }

    #[test]
    fn agrees_with_the_reference_on_damaged_orders(
        (_, members) in shuffled_members(),
        style in style(),
        mutations in proptest::collection::vec(mutation(), 1..4),
    ) {
        let mut value = render(&members, &style);
        for mutation in mutations {
            mutation.apply(&mut value);
        }
        agrees(&value)?;
    }

    #[test]
    fn agrees_with_the_reference_on_any_members(
        members in any_members().prop_shuffle(), style in style(),
    ) {
        agrees(&render(&members, &style))?;
    }

    #[test]
    fn agrees_with_the_reference_on_scraps_of_json(
        scraps in proptest::collection::vec(generate::scrap(), 0..6),
    ) {
        let (scraps, order) = (scraps.concat(), generate::open_order());
        agrees(scraps.as_bytes())?;
        agrees(format!("{scraps}{order}}}").as_bytes())?;
        agrees(format!("{order}{scraps}}}").as_bytes())?;
        agrees(format!("{order}}}{scraps}").as_bytes())?;
        agrees(format!("{order},\"x\":{scraps}}}").as_bytes())?;
        agrees(format!("{order},\"x\":\"{scraps}\"}}").as_bytes())?;
    }

    #[test]
    fn never_panics(value in proptest::collection::vec(any::<u8>(), 0..300)) {
        agrees(&value)?;
    }

    #[test]
    fn the_reason_does_not_depend_on_key_order_or_writing(
        (members, turned) in any_members().prop_flat_map(|m| (Just(m.clone()), Just(m).prop_shuffle())),
        styles in (style(), style()),
    ) {
        let first = outcome(&mut OrderParser::default(), &render(&members, &styles.0));
        let second = outcome(&mut OrderParser::default(), &render(&turned, &styles.1));
        prop_assert_eq!(first, second);
    }

    #[test]
    fn a_parser_keeps_nothing_from_one_order_to_the_next(
        (fields, members) in shuffled_members(),
        (_, earlier) in shuffled_members(),
        (style, earlier_style) in (style(), style()),
        mutation in mutation(),
    ) {
        let mut parser = OrderParser::default();
        let mut damaged = render(&earlier, &earlier_style);
        mutation.apply(&mut damaged);
        let _ = parser.parse(&damaged, RECORD_TIME);
        prop_assert_eq!(outcome(&mut parser, &render(&members, &style)), Ok(fields));
    }

    #[test]
    fn what_is_written_reads_back(fields in any_fields()) {
        let order = Order::checked(fields.borrowed(), RECORD_TIME).unwrap();
        let json = written(&order);
        prop_assert_eq!(outcome(&mut OrderParser::default(), &json), Ok(fields.clone()));
        prop_assert_eq!(json, render(&fields.members(&Style::plain()), &Style::plain()));
    }
}

#[test]
fn an_order_is_written_as_javascript_writes_it() {
    let fields = OrderFields {
        order_id: "a\"b\\c/d",
        user_id: "user-0",
        product: "Điện thoại",
        quantity: 3,
        unit_price: Some(15_000_000),
        total: 45_000_000,
        city: "Hà Nội\u{2028}",
        timestamp: Timestamp(1_795_366_800_120),
        is_suspicious: false,
    };
    let order = Order::checked(fields, RECORD_TIME).unwrap();
    assert_eq!(
        String::from_utf8(written(&order)).unwrap(),
        "{\"orderId\":\"a\\\"b\\\\c/d\",\"userId\":\"user-0\",\"product\":\"Điện thoại\",\"quantity\":3,\
         \"unitPrice\":15000000,\"total\":45000000,\"city\":\"Hà Nội\u{2028}\",\
         \"timestamp\":\"2026-11-22T17:00:00.120Z\",\"isSuspicious\":false}"
    );
    let order = Order::checked(OrderFields { unit_price: None, is_suspicious: true, ..fields }, RECORD_TIME);
    let json = String::from_utf8(written(&order.unwrap())).unwrap();
    assert!(json.contains("\"quantity\":3,\"total\":45000000,"), "{json}");
    assert!(json.ends_with(",\"isSuspicious\":true}"), "{json}");
}

#[test]
fn an_unusually_large_record_leaves_no_large_buffers_behind() {
    let mut parser = OrderParser::default();
    let keys: Vec<_> = (0..50_000).map(|i| format!("\"\\u0061{i}\":0")).collect();
    let value = format!("{{\"x\":{{{}}}}}", keys.join(","));
    assert_eq!(outcome(&mut parser, value.as_bytes()), Err(Rejection::OrderIdMissing));
    assert!(parser.scratch.bytes_held() > 500_000);
    assert_eq!(outcome(&mut parser, b"{}"), Err(Rejection::OrderIdMissing));
    assert!(parser.scratch.bytes_held() <= 2 * 64 * 1024);
}
