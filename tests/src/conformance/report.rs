//! The report of a comparison: how much was equal, which rules were needed, and what no rule explains.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;

use super::Case;
use super::compare::Pair;
use super::drive::Seen;
use super::rules;
use crate::peers::{root, target};

/// How many unexplained cases are shown in full.
const SHOWN: usize = 25;

/// The results of all cases.
#[derive(Debug, Default)]
pub struct Report {
    comparisons: usize,
    equal: usize,
    by_rule: BTreeMap<&'static str, Vec<String>>,
    by_class: BTreeMap<&'static str, usize>,
    not_built: Vec<&'static str>,
    unexplained: Vec<String>,
    wrong_rules: Vec<String>,
}

impl Report {
    /// Compares the results of both sides, for these classes out of all in the table.
    pub fn of(cases: &[Case], buildbot: &[Seen], hookd: &[Seen], classes: &[String], known: &[&'static str]) -> Self {
        let mut report = Self { comparisons: cases.len(), ..Self::default() };
        for ((case, buildbot), hookd) in cases.iter().zip(buildbot).zip(hookd) {
            report.add(&Pair { case, buildbot, hookd });
        }
        let is_built = |class: &str| classes.iter().any(|built| built == class);
        report.not_built = known.iter().copied().filter(|class| !is_built(class)).collect();
        report.check_rules(is_built);
        report
    }

    fn add(&mut self, pair: &Pair<'_>) {
        *self.by_class.entry(pair.case.class()).or_default() += 1;
        let differences = pair.differences();
        if differences.is_empty() {
            self.equal += 1;
            return;
        }
        let mut rules = BTreeSet::new();
        for difference in differences {
            match rules::all().find(|rule| (rule.explains)(pair, difference)) {
                Some(rule) => drop(rules.insert(rule.id)),
                None => return self.unexplained.push(pair.to_string()),
            }
        }
        for id in rules {
            self.by_rule.entry(id).or_default().push(pair.case.name.clone());
        }
    }

    /// Checks that every rule is documented, every documented one is a rule, and each was needed.
    fn check_rules(&mut self, is_built: impl Fn(&str) -> bool) {
        let documented = documented();
        for rule in rules::all() {
            if !documented.iter().any(|id| id == rule.id) {
                self.wrong_rules.push(format!("`{}` is not in docs/differences.md", rule.id));
            }
            let may_be_needed = rule.classes.is_empty() || rule.classes.iter().any(|class| is_built(class));
            if may_be_needed && !self.by_rule.contains_key(rule.id) {
                self.wrong_rules.push(format!("`{}` was not needed once", rule.id));
            }
        }
        for id in documented {
            if !rules::all().any(|rule| rule.id == id) {
                self.wrong_rules.push(format!("`{id}` is in docs/differences.md, and no rule"));
            }
        }
    }

    /// Whether there were only intended differences, and every rule was needed.
    pub fn is_good(&self) -> bool {
        self.unexplained.is_empty() && self.wrong_rules.is_empty()
    }

    /// How many cases were compared.
    pub fn comparisons(&self) -> usize {
        self.comparisons
    }

    /// Writes the whole report to `target/conformance.txt`, with the cases that needed each rule.
    pub fn write(&self) {
        let by_rule = self.by_rule.iter().map(|(id, cases)| format!("\n{id}:\n  {}\n", cases.join("\n  ")));
        let whole = format!("{self}\n{}{}", self.unexplained.join("\n"), by_rule.collect::<String>());
        fs::write(target().join("conformance.txt"), whole).expect("target is writable");
    }
}

/// The ids of `docs/differences.md`: its third-level headings.
fn documented() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/differences.md")).expect("docs/differences.md exists");
    text.lines().filter_map(|line| line.strip_prefix("### ")).map(|id| id.trim().to_owned()).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { comparisons, equal, unexplained, .. } = self;
        writeln!(f, "{comparisons} comparisons, {equal} equal, {} unexplained", unexplained.len())?;
        for (class, count) in &self.by_class {
            let class = if class.is_empty() { "not served" } else { class };
            writeln!(f, "  {count:5} {class}")?;
        }
        if !self.not_built.is_empty() {
            writeln!(f, "not compared, since this hookd does not have them: {}", self.not_built.join(", "))?;
        }
        writeln!(f, "differences that are meant (docs/differences.md):")?;
        for (id, cases) in &self.by_rule {
            writeln!(f, "  {:5} {id}", cases.len())?;
        }
        for wrong in &self.wrong_rules {
            writeln!(f, "rule {wrong}")?;
        }
        for pair in unexplained.iter().take(SHOWN) {
            writeln!(f, "\n{pair}")?;
        }
        if unexplained.len() > SHOWN {
            writeln!(f, "\n… and {} more, all in target/conformance.txt", unexplained.len() - SHOWN)?;
        }
        Ok(())
    }
}
