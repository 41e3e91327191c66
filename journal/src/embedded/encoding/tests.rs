//! Tests of the stored form.

use proptest::prelude::*;

use super::*;

fn sample_record() -> Record {
    Record {
        position: Position(7),
        entity: EntityKey::new(EntityKind::Policy, "org.acme:p"),
        revision: 3,
        timestamp: "2026-01-02T03:04:05.678901234Z".parse().unwrap(),
        signal: Bytes::from_static(b"{\"a\":1}"),
        signal_memo: Memo::default(),
        after: None,
    }
}

fn kinds() -> impl Strategy<Value = EntityKind> {
    prop_oneof![
        Just(EntityKind::Thing),
        Just(EntityKind::Policy),
        Just(EntityKind::Revocation),
        Just(EntityKind::Erasure),
        Just(EntityKind::Announcement)
    ]
}

fn timestamps() -> impl Strategy<Value = Timestamp> {
    let range = Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond();
    range.prop_map(|nanoseconds| Timestamp::from_nanosecond(nanoseconds).unwrap())
}

proptest! {
    #[test]
    fn records_come_back(
        position in any::<u64>(), kind in kinds(), id in ".{0,40}", revision in any::<u64>(),
        timestamp in timestamps(), signal in any::<Vec<u8>>(),
    ) {
        let position = Position(position);
        let record = Record {
            position, entity: EntityKey::new(kind, id), revision, timestamp,
            signal: signal.into(), signal_memo: Memo::default(), after: None,
        };
        let read = decode_record(position, &encode_record(&record, None)).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{record:?}"));
    }

    #[test]
    fn changes_come_back(
        created in timestamps(), timestamp in timestamps(), signal in any::<Vec<u8>>(),
        before in any::<Option<Vec<u8>>>(), after in any::<Option<Vec<u8>>>(),
    ) {
        let entity = |revision, state: Option<Vec<u8>>| Arc::new(Entity {
            revision, position: Position(revision), created, modified: timestamp,
            state: state.map(Bytes::from), memo: Memo::default(),
        });
        let (before, after) = (entity(7, before), entity(8, after));
        let record = Record {
            position: Position(8), entity: EntityKey::new(EntityKind::Thing, "a:b"), revision: 8, timestamp,
            signal: signal.into(), signal_memo: Memo::default(), after: Some(Arc::clone(&after)),
        };
        let bytes = encode_record(&record, Some(&before));
        let read = decode_record(Position(8), &bytes).unwrap();
        prop_assert_eq!(read.signal, record.signal);
        let known = |known: &Arc<Entity>| decode_change(Position(8), &bytes, |_| Ok(Some(Arc::clone(known))));
        let (_, found) = known(&before).unwrap().unwrap();
        prop_assert_eq!(format!("{found:?}"), format!("{after:?}"));
        let later = entity(9, None);
        let (_, found) = known(&later).unwrap().unwrap();
        prop_assert!(Arc::ptr_eq(&found, &later), "what has gone on is left alone");
        prop_assert!(known(&entity(6, None)).is_err(), "a gap is damage");
    }

    #[test]
    fn entities_come_back(
        kind in kinds(), id in ".{0,40}", revision in any::<u64>(), position in any::<u64>(),
        created in timestamps(), modified in timestamps(), state in any::<Option<Vec<u8>>>(),
    ) {
        let key = EntityKey::new(kind, id);
        let bytes = entity_key(&key);
        let entity = Entity {
            revision, position: Position(position), created, modified,
            state: state.map(Bytes::from), memo: Memo::default(),
        };
        let read = decode_entity(&bytes, &encode_entity(&bytes, &entity)).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{entity:?}"));
        prop_assert_eq!(decode_entity_key(&bytes).unwrap(), key);
    }

    #[test]
    fn any_bytes_decode_or_are_damage(bytes in any::<Vec<u8>>()) {
        prop_assert!(decode_record(Position(1), &bytes).is_err());
        prop_assert!(decode_entity(b"\x01a", &bytes).is_err());
    }

    #[test]
    fn histories_sort_by_revision_and_never_mix(a in "[a-c]{0,3}", b in "[a-c]{0,3}", r in any::<u64>(), s in any::<u64>()) {
        let (a, b) = (EntityKey::new(EntityKind::Thing, a), EntityKey::new(EntityKind::Thing, b));
        prop_assert_eq!(history_key(&a, r).cmp(&history_key(&a, s)), r.cmp(&s));
        if a != b {
            let range = history_key(&a, 0)..=history_key(&a, u64::MAX);
            prop_assert!(!range.contains(&history_key(&b, r)));
        }
    }
}

#[test]
fn every_flipped_bit_of_a_record_is_damage() {
    let encoded = encode_record(&sample_record(), None);
    for bit in 0..encoded.len() * 8 {
        let mut bytes = encoded.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let read = decode_record(Position(7), &bytes);
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "bit {bit}");
    }
}

#[test]
fn a_record_under_another_position_is_damage() {
    let encoded = encode_record(&sample_record(), None);
    let error = decode_record(Position(8), &encoded).unwrap_err();
    assert!(error.to_string().contains("record 8"), "{error}");
}

#[test]
fn an_unknown_version_is_damage() {
    let mut bytes = encode_record(&sample_record(), None);
    bytes.truncate(bytes.len() - CHECKSUM_BYTES);
    bytes[0] = VERSION_WITH_STATE + 1;
    seal(&record_key(Position(7)), &mut bytes);
    assert!(decode_record(Position(7), &bytes).is_err());
}
