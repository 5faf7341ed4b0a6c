//! The modules of a crate, and what of them can be reached from outside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Ident, Item, ItemUse, UseTree, Visibility};

/// The path of a module within its crate; the root is empty.
pub(super) type ModulePath = Vec<String>;

/// A crate that was read.
pub(super) struct Crate {
    /// Its name in paths.
    pub(super) name: String,
    /// The items of each module, without those for tests.
    modules: BTreeMap<ModulePath, Vec<Item>>,
}

/// An item that can be reached from outside.
pub(super) struct Reached<'c> {
    /// The path by which it is reached, such as `hookd_core::options::read`.
    pub(super) path: String,
    /// The module that it is written in.
    pub(super) module: ModulePath,
    pub(super) item: Shown<'c>,
}

/// What is reached.
pub(super) enum Shown<'c> {
    /// An item of this crate.
    Own(&'c Item),
    /// Something of another crate, by its path.
    Foreign(String),
}

impl Crate {
    /// Reads a crate whose files `read` gives, by their paths below `src`.
    ///
    /// # Errors
    /// Which file is missing, or is not Rust.
    pub(super) fn read(name: &str, read: &dyn Fn(&Path) -> Option<String>) -> Result<Self, String> {
        let mut modules = BTreeMap::new();
        let text = read(Path::new("lib.rs")).ok_or_else(|| format!("`{name}` has no src/lib.rs"))?;
        let items = parse(&text, Path::new("lib.rs"))?;
        add(&mut modules, Vec::new(), items, Path::new(""), read)?;
        Ok(Self { name: name.to_owned(), modules })
    }

    /// All items of all modules, with the module.
    pub(super) fn items(&self) -> impl Iterator<Item = (&ModulePath, &Item)> {
        self.modules.iter().flat_map(|(path, items)| items.iter().map(move |item| (path, item)))
    }

    /// What can be reached from outside.
    pub(super) fn reached(&self) -> Vec<Reached<'_>> {
        let mut reached = Vec::new();
        self.reach(&Vec::new(), &self.name, &mut reached);
        for (module, item) in self.items() {
            if let Item::Macro(item_macro) = item
                && is_exported(&item_macro.attrs)
                && let Some(name) = &item_macro.ident
            {
                let path = format!("{}::{name}", self.name);
                reached.push(Reached { path, module: module.clone(), item: Shown::Own(item) });
            }
        }
        reached
    }

    /// Adds what is public in a module that is reached by `path`.
    fn reach<'c>(&'c self, module: &ModulePath, path: &str, reached: &mut Vec<Reached<'c>>) {
        for item in self.modules.get(module).into_iter().flatten() {
            match item {
                Item::Use(item) if is_public(&item.vis) => self.reach_use(module, item, path, reached),
                Item::Mod(item) if is_public(&item.vis) => {
                    self.reach(&child(module, &item.ident), &format!("{path}::{}", item.ident), reached);
                }
                item => {
                    if let Some(name) = public_name(item) {
                        let (path, module) = (format!("{path}::{name}"), module.clone());
                        reached.push(Reached { path, module, item: Shown::Own(item) });
                    }
                }
            }
        }
    }

    fn reach_use<'c>(&'c self, module: &ModulePath, item: &ItemUse, path: &str, reached: &mut Vec<Reached<'c>>) {
        let mut leaves = Vec::new();
        leaves_of(&item.tree, &mut Vec::new(), &mut leaves);
        for Leaf { steps, name } in leaves {
            let Some((from, last)) = self.own(module, &steps) else {
                let path = format!("{path}::{}", name.unwrap_or_else(|| "*".to_owned()));
                let item = Shown::Foreign(steps.join("::"));
                reached.push(Reached { path, module: module.clone(), item });
                continue;
            };
            let Some(name) = name else {
                self.reach(&from, path, reached);
                continue;
            };
            let path = format!("{path}::{name}");
            let submodule = [from.clone(), vec![last.clone()]].concat();
            if self.modules.contains_key(&submodule) {
                self.reach(&submodule, &path, reached);
            }
            self.reach_named(&from, &last, &path, reached);
        }
    }

    /// Adds what has this name in a module, also if that only passes it on.
    fn reach_named<'c>(&'c self, module: &ModulePath, name: &str, path: &str, reached: &mut Vec<Reached<'c>>) {
        for item in self.modules.get(module).into_iter().flatten() {
            if public_name(item).is_some_and(|own| own == name) {
                reached.push(Reached { path: path.to_owned(), module: module.clone(), item: Shown::Own(item) });
            }
            let Item::Use(item) = item else { continue };
            let mut leaves = Vec::new();
            leaves_of(&item.tree, &mut Vec::new(), &mut leaves);
            for leaf in leaves.into_iter().filter(|leaf| leaf.name.as_deref() == Some(name)) {
                match self.own(module, &leaf.steps) {
                    Some((from, last)) => self.reach_named(&from, &last, path, reached),
                    None => reached.push(Reached {
                        path: path.to_owned(),
                        module: module.clone(),
                        item: Shown::Foreign(leaf.steps.join("::")),
                    }),
                }
            }
        }
    }

    /// The module and the name in it that a path of this crate leads to, seen from a module; `None` for another crate.
    fn own(&self, module: &ModulePath, steps: &[String]) -> Option<(ModulePath, String)> {
        let (last, steps) = steps.split_last()?;
        let mut at = module.clone();
        for (index, step) in steps.iter().enumerate() {
            match step.as_str() {
                "crate" => at = Vec::new(),
                "self" => {}
                "super" => drop(at.pop()),
                step => {
                    at.push(step.to_owned());
                    if index == 0 && !self.modules.contains_key(&at) {
                        return None;
                    }
                }
            }
        }
        let is_own = !steps.is_empty() || self.modules.contains_key(&[at.clone(), vec![last.clone()]].concat());
        is_own.then(|| (at, last.clone()))
    }
}

/// One name that a `use` brings.
struct Leaf {
    /// The path to it.
    steps: Vec<String>,
    /// The name that it gets; `None` for all that there are.
    name: Option<String>,
}

fn leaves_of(tree: &UseTree, steps: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
    let with = |name: &Ident| [steps.clone(), vec![name.to_string()]].concat();
    match tree {
        UseTree::Path(path) => {
            steps.push(path.ident.to_string());
            leaves_of(&path.tree, steps, leaves);
            steps.pop();
        }
        UseTree::Name(name) => leaves.push(Leaf { steps: with(&name.ident), name: Some(name.ident.to_string()) }),
        UseTree::Rename(name) => leaves.push(Leaf { steps: with(&name.ident), name: Some(name.rename.to_string()) }),
        UseTree::Glob(_) => leaves.push(Leaf { steps: [steps.clone(), vec!["*".to_owned()]].concat(), name: None }),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves_of(tree, steps, leaves)),
    }
}

/// Adds a module and those in it. `folder` is where the files of its modules are.
fn add(
    modules: &mut BTreeMap<ModulePath, Vec<Item>>,
    path: ModulePath,
    mut items: Vec<Item>,
    folder: &Path,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Result<(), String> {
    items.retain(|item| !is_for_tests(attributes(item)));
    for item in &mut items {
        let Item::Mod(item) = item else { continue };
        let folder = folder.join(item.ident.to_string());
        let content = match item.content.take() {
            Some((_, items)) => items,
            None => {
                let files: [PathBuf; 2] = [folder.with_extension("rs"), folder.join("mod.rs")];
                let found = files.iter().find_map(|file| Some((file, read(file)?)));
                let (file, text) = found.ok_or_else(|| format!("there is no file for the module `{}`", item.ident))?;
                parse(&text, file)?
            }
        };
        add(modules, child(&path, &item.ident), content, &folder, read)?;
    }
    modules.insert(path, items);
    Ok(())
}

fn parse(text: &str, file: &Path) -> Result<Vec<Item>, String> {
    let parsed = syn::parse_file(text).map_err(|error| format!("{} is not Rust: {error}", file.display()))?;
    Ok(parsed.items)
}

fn child(module: &ModulePath, name: &Ident) -> ModulePath {
    [module.clone(), vec![name.to_string()]].concat()
}

pub(super) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The name of a public item that is one of its own: no module, import, macro or implementation.
fn public_name(item: &Item) -> Option<&Ident> {
    let (visibility, name) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Static(item) => (&item.vis, &item.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    is_public(visibility).then_some(name)
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether it has `#[cfg(test)]`.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<Ident>().is_ok_and(|ident| ident == "test")
    };
    attributes.iter().any(is_test)
}

fn is_exported(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("macro_export"))
}
