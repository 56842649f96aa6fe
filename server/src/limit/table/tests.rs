use super::super::rules::{Counted, Numbered, Whom};
use super::super::window::{Limit, Verdict};
use super::{SHARDS, Shard, Table};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};

const NOW: i64 = 1_800_000_000;

fn limit(number: usize, most: u32) -> Numbered {
    let limit = Limit { most, seconds: 60 };
    Numbered { number, limit }
}

fn client(number: u32) -> Whom {
    Whom::Address(IpAddr::V4(Ipv4Addr::from_bits(number)))
}

fn passes(table: &Table, who: u32, limits: &[Numbered]) -> bool {
    let counted: Vec<_> = limits.iter().map(|limit| (client(who), *limit)).collect();
    counts(table, &counted)
}

fn counts(table: &Table, counted: &[Counted]) -> bool {
    matches!(table.judge(counted, NOW), Some(Verdict::Passes(_)))
}

#[test]
fn without_limits_nothing_is_kept() {
    let table = Table::new(100);
    assert_eq!(table.judge(&[], NOW), None);
    assert_eq!(table.count(), 0);
}

#[test]
fn every_client_has_its_own_count_at_every_limit() {
    let table = Table::new(1000);
    let (one, other) = ([limit(0, 2)], [limit(1, 2)]);
    for who in 0..10 {
        for limits in [&one, &other] {
            assert!(passes(&table, who, limits));
            assert!(passes(&table, who, limits));
            assert!(!passes(&table, who, limits));
        }
    }
    assert_eq!(table.count(), 20);
}

#[test]
fn a_limit_that_is_reached_stops_a_request_at_all_its_limits() {
    let table = Table::new(1000);
    let (narrow, wide) = (limit(0, 1), limit(1, 3));
    assert!(passes(&table, 1, &[narrow, wide]));
    for _ in 0..10 {
        assert!(!passes(&table, 1, &[narrow, wide]));
    }
    assert!(passes(&table, 1, &[wide]));
    assert!(passes(&table, 1, &[wide]));
    assert!(!passes(&table, 1, &[wide]));
}

#[test]
fn many_addresses_do_not_take_more_room_than_there_is() {
    let room = 1600;
    let table = Table::new(room);
    for who in 0..50_000 {
        assert!(passes(&table, who, &[limit(0, 1)]));
        if who % 1000 == 0 {
            assert!(table.count() <= room);
        }
    }
    assert!((room / 3..=room).contains(&table.count()));
}

#[test]
fn the_room_of_the_server_is_kept_to() {
    let table = Table::new(super::super::ROOM);
    for who in 0..300_000 {
        passes(&table, who, &[limit(0, 1)]);
    }
    assert!(table.count() <= 100_000);
}

#[test]
fn who_asks_now_is_remembered_and_who_asked_long_ago_is_forgotten() {
    let table = Table::new(1600);
    let limits = [limit(0, 1)];
    assert!(passes(&table, 1, &limits));
    assert!(passes(&table, 2, &limits));
    for who in 10..20_000 {
        passes(&table, who, &limits);
        // In between it keeps asking, and stays refused.
        if who % 20 == 0 {
            assert!(!passes(&table, 1, &limits), "after {who}");
        }
    }
    assert!(passes(&table, 2, &limits));
}

#[test]
fn a_count_moves_between_generations_and_is_never_there_twice() {
    let mut shard = Shard::new(2);
    let key = |number| (client(number), 0);
    let taken = |shard: &Shard, number| !shard.get(key(number)).is_empty();
    let mut counts = [(limit(0, 9).limit, Default::default())];
    super::judge(&mut counts, NOW);
    let count = counts[0].1;

    shard.put(key(1), count);
    shard.put(key(2), count);
    shard.put(key(3), count);
    assert_eq!((shard.young.len(), shard.old.len()), (1, 2));
    shard.put(key(1), count);
    assert_eq!((shard.young.len(), shard.old.len()), (2, 1));
    shard.put(key(4), count);
    assert_eq!((shard.young.len(), shard.old.len()), (1, 2));
    for (number, there) in [(1, true), (2, false), (3, true), (4, true)] {
        assert_eq!(taken(&shard, number), there, "{number}");
    }
}

#[test]
fn threads_at_once_get_the_limit_together() {
    let table = Table::new(1000);
    let passed = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    if passes(&table, 1, &[limit(0, 50), limit(1, 70)]) {
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 50);
}

#[test]
fn clients_spread_over_the_shards() {
    let table = Table::new(100_000);
    for who in 0..16_000 {
        passes(&table, who, &[limit(0, 1)]);
    }
    assert_eq!(table.shards.len(), SHARDS);
    for shard in &table.shards {
        let count = shard.lock().unwrap().count();
        assert!((500..2000).contains(&count), "{count}");
    }
}

/// A key and whoever it is of are counted at once or not at all, though they are in different shards.
#[test]
fn a_request_counted_by_two_is_refused_by_either_and_then_counted_by_neither() {
    for nth in 0..200u8 {
        let table = Table::new(1000);
        let key = Whom::Key([nth; 16]);
        let owner = Whom::User([nth; 16]);
        let both = [(owner, limit(0, 3)), (key, limit(1, 1))];
        assert!(counts(&table, &both));
        for _ in 0..5 {
            assert!(!counts(&table, &both));
        }
        let other = [
            (owner, limit(0, 3)),
            (Whom::Key([nth ^ 255; 16]), limit(1, 9)),
        ];
        assert!(counts(&table, &other) && counts(&table, &other));
        assert!(!counts(&table, &other));
    }
}

#[test]
fn threads_that_need_two_shards_do_not_wait_for_each_other_for_ever() {
    let table = Table::new(1000);
    let passed = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            let (table, passed) = (&table, &passed);
            scope.spawn(move || {
                for turn in 0..200u8 {
                    let (one, two) = (thread ^ turn, turn.wrapping_mul(7));
                    let counted = [
                        (Whom::Key([one; 16]), limit(0, 100_000)),
                        (Whom::User([two; 16]), limit(1, 100_000)),
                    ];
                    if counts(table, &counted) {
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 1600);
}
