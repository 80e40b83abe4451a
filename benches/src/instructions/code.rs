//! Which instructions are the program's own.
//!
//! SHA-256 and CRC-32 choose their code by the processor that they find, and so does the C library for copies. What they
//! execute says nothing about a change of ours; that they are called does.

use object::{Object, ObjectSegment, ObjectSymbol};
use std::path::Path;

/// Crates that choose code by the processor, as mangled names have them.
const LEFT_OUT: [&str; 3] = ["4sha2", "9crc32fast", "11base64_simd"];

/// The program's code in a process.
#[derive(Debug)]
pub(crate) struct Code {
    /// All of the program, as addresses of the process.
    begin: u64,
    end: u64,
    /// What is left out of it, in order.
    left_out: Vec<(u64, u64)>,
    /// All functions: begin, end, name, in order.
    functions: Vec<(u64, u64, String)>,
}

impl Code {
    /// Of a process that runs `program`.
    pub(crate) fn of(pid: u32, program: &Path) -> Self {
        let bytes = std::fs::read(program).expect("this program's file");
        let file = object::File::parse(&*bytes).expect("a program");
        let name = program.to_str().expect("a path in UTF-8");
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("what the process has mapped");
        let mut mapped = maps.lines().filter(|line| line.ends_with(name)).map(range);
        let (begin, first_end) = mapped.next().expect("the program itself");
        let end = mapped.map(|(_, end)| end).max().unwrap_or(first_end);
        // A program that can lie anywhere is written for address 0.
        let written_for = file.segments().map(|segment| segment.address()).min().unwrap_or(0);
        let moved = begin - (written_for & !0xfff);
        let mut functions: Vec<_> = file
            .symbols()
            .filter(|symbol| symbol.size() > 0)
            .filter_map(|symbol| {
                let begin = symbol.address() + moved;
                Some((begin, begin + symbol.size(), symbol.name().ok()?.to_owned()))
            })
            .collect();
        functions.sort_unstable();
        let is_left_out = |name: &str| LEFT_OUT.iter().any(|part| name.contains(part));
        let left_out: Vec<_> = functions
            .iter()
            .filter(|(.., name)| is_left_out(name))
            .map(|(begin, end, _)| (*begin, *end))
            .collect();
        assert!(!left_out.is_empty(), "the digest is not to be found: was the program stripped?");
        Self { begin, end, left_out, functions }
    }

    /// The mangled name of the function there.
    pub(crate) fn function(&self, address: u64) -> &str {
        if !(self.begin..self.end).contains(&address) {
            return "outside of the program";
        }
        let after = self.functions.partition_point(|(begin, ..)| *begin <= address);
        let function = after.checked_sub(1).map(|index| &self.functions[index]);
        function.filter(|(_, end, _)| address < *end).map_or("unknown", |(.., name)| name)
    }

    /// Whether an instruction there belongs to what is judged.
    pub(crate) fn is_own(&self, address: u64) -> bool {
        if !(self.begin..self.end).contains(&address) {
            return false;
        }
        let after = self.left_out.partition_point(|(begin, _)| *begin <= address);
        after == 0 || address >= self.left_out[after - 1].1
    }
}

fn range(line: &str) -> (u64, u64) {
    let (begin, rest) = line.split_once('-').expect("a range");
    let (end, _) = rest.split_once(' ').expect("a range");
    let address = |text| u64::from_str_radix(text, 16).expect("an address");
    (address(begin), address(end))
}
