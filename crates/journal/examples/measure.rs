//! Measures the most frequent operations of the library: `cargo run --release -p everstrand-journal --example measure`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use everstrand_ion::{Document, Struct, Value};
use everstrand_journal::tree::{Frontier, TileKey, TileReader, Tiles, block_path, root_at};
use everstrand_journal::{
    Auditor, Block, BlockAddress, Draft, Hash, ProposedRevision, ProposedTransaction, Slot, SlotContent,
    SlotHeader, StatementInfo, UniqueId, WriterId, check_slot, genesis, statement_digest,
};
use everstrand_testkit::Random;

const BLOCKS: u64 = 1_000_000;
const REVISIONS: u8 = 40;
const AUDITED_BLOCKS: u64 = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    proofs()?;
    blocks()?;
    Ok(())
}

/// A store in memory, because the tree is measured and not a store.
#[derive(Default)]
struct Store(BTreeMap<TileKey, Vec<u8>>);

impl TileReader for Store {
    type Error = Infallible;

    fn read(&self, key: TileKey) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(&key).cloned())
    }
}

fn proofs() -> Result<(), Box<dyn Error>> {
    let mut numbers = Numbers::new(1);
    let mut store = Store::default();
    let mut tiles = Tiles::new();
    let leaves: Vec<Hash> = (0..BLOCKS).map(|_| numbers.hash()).collect();
    let started = Instant::now();
    for &leaf in &leaves {
        store.0.extend(tiles.append(leaf).into_iter().map(|write| (write.key, write.value)));
    }
    println!("append to the tree              {:>10.2?} a block", started.elapsed() / u32::try_from(BLOCKS)?);
    let tip = BLOCKS - 1;
    let root = root_at(&store, BLOCKS, tip)?;
    let mut times = Vec::new();
    let mut proofs = Vec::new();
    for _ in 0..20_000 {
        let block = numbers.below(BLOCKS);
        let started = Instant::now();
        let proof = block_path(&store, BLOCKS, block, tip)?;
        times.push(started.elapsed());
        proofs.push((leaves[usize::try_from(block)?], proof));
    }
    times.sort();
    println!("proof of a block of 1,000,000   {:>10.2?} p50, {:.2?} p99", times[10_000], times[19_800]);
    let started = Instant::now();
    let verified = proofs.iter().filter(|(leaf, proof)| black_box(proof.fold(*leaf)) == root).count();
    println!("verification of a proof         {:>10.2?} ({verified} verified)", started.elapsed() / 20_000);
    let nodes = proofs.iter().map(|(_, proof)| proof.nodes.len()).max().unwrap_or(0);
    println!("longest proof                   {nodes:>10} nodes, {} bytes", nodes * Hash::LENGTH);
    Ok(())
}

fn blocks() -> Result<(), Box<dyn Error>> {
    let mut numbers = Numbers::new(2);
    let mut transactions = Vec::new();
    for _ in 0..AUDITED_BLOCKS {
        transactions.push(transaction(&mut numbers));
    }
    let document = transactions[0].revisions[0].data.as_ref().map_or(0, |document| document.as_bytes().len());
    println!("documents of {document} bytes, {REVISIONS} a block");
    let started = Instant::now();
    let drafts = transactions.iter().map(Draft::new).collect::<Result<Vec<Draft>, _>>()?;
    print_rate("build drafts", started.elapsed());
    let mut blocks: Vec<Block> = vec![genesis(UniqueId::default(), numbers.id(), 0)];
    let mut last = (blocks[0].address(), blocks[0].hash());
    let started = Instant::now();
    for draft in drafts {
        let address = BlockAddress { sequence_no: last.0.sequence_no + 1, ..last.0 };
        let block = draft.seal(address, 1_700_000_000_000, Some(last.1));
        last = (address, block.hash());
        blocks.push(block);
    }
    print_rate("seal", started.elapsed());
    let header = SlotHeader {
        strand_id: UniqueId::default(),
        slot: 0,
        writer: WriterId { id: UniqueId::default(), attempt: 0 },
        previous_link: Hash([0; 32]),
        first_block_no: 0,
    };
    let started = Instant::now();
    let bytes = Slot::new(header, &Frontier::empty(), SlotContent::Blocks(blocks))?.encode()?;
    print_rate("encode a slot", started.elapsed());
    println!("{} bytes a revision", bytes.len() / usize::try_from(revisions())?);
    let started = Instant::now();
    let slot = Slot::decode(bytes)?;
    print_rate("decode a slot", started.elapsed());
    let started = Instant::now();
    let checked = check_slot(&slot);
    let mut auditor = Auditor::default();
    let found = auditor.checked_slot(&slot, checked);
    print_rate("audit on one core", started.elapsed());
    println!("{} deviations", found.len());
    Ok(())
}

fn revisions() -> u64 {
    AUDITED_BLOCKS * u64::from(REVISIONS)
}

fn print_rate(what: &str, elapsed: Duration) {
    let per_second = |count: u64| u128::from(count) * 1_000_000_000 / elapsed.as_nanos().max(1);
    println!(
        "{what:<24}{:>10} revisions/s {:>10} blocks/s",
        per_second(revisions()),
        per_second(AUDITED_BLOCKS)
    );
}

fn transaction(numbers: &mut Numbers) -> ProposedTransaction {
    let text = "INSERT INTO Vehicle ?";
    let revisions = (0..REVISIONS).map(|_| ProposedRevision {
        document_id: numbers.id(),
        version: 0,
        table_id: UniqueId::from_bytes([1; 16]),
        table_name: "Vehicle".into(),
        statements: vec![0],
        data: Some(document(numbers)),
    });
    ProposedTransaction {
        revisions: revisions.collect(),
        transaction_id: numbers.id(),
        transaction_time: 1_700_000_000_000,
        statements: vec![StatementInfo {
            statement: text.to_owned(),
            start_time: 1_700_000_000_000,
            statement_digest: statement_digest(text, &[]),
        }],
        ..Default::default()
    }
}

/// A document of about 100 bytes.
fn document(numbers: &mut Numbers) -> Document {
    let fields = Struct::from_iter([
        ("vin", Value::from(numbers.id().to_string())),
        ("owner", Value::from("Somebody with a name")),
        ("year", Value::from(2024i64)),
        ("active", Value::from(true)),
    ]);
    Document::from(&Value::from(fields))
}

/// Numbers that are the same in every run.
struct Numbers(Random);

impl Numbers {
    fn new(seed: u64) -> Numbers {
        Numbers(Random::new(seed))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    fn id(&mut self) -> UniqueId {
        let (high, low) = (self.0.next(), self.0.next());
        UniqueId::from_bytes(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }

    fn hash(&mut self) -> Hash {
        let mut bytes = [0; 32];
        bytes.chunks_mut(8).for_each(|part| part.copy_from_slice(&self.0.next().to_le_bytes()));
        Hash(bytes)
    }
}
