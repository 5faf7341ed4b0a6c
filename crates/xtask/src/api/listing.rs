//! The lines of a listing: one for each item, field, variant and method, sorted.

use std::collections::BTreeSet;

use syn::punctuated::Punctuated;
use syn::{
    Attribute, Block, Fields, File, FnArg, Generics, ImplItem, Item, ItemImpl, ItemTrait, Pat, Path, Signature, Token,
    TraitItem, Type, parse_quote,
};

use super::modules::{Crate, ModulePath, Reached, Shown, is_public};

/// The lines for a crate.
pub(super) fn lines(of: &Crate) -> Vec<String> {
    let mut lines = BTreeSet::new();
    let reached = of.reached();
    for Reached { path, module, item } in &reached {
        match item {
            Shown::Foreign(from) => drop(lines.insert(format!("pub use {path} = {from}"))),
            Shown::Own(item) => add_item(&mut lines, path, item, &implementations(of, module, item)),
        }
    }
    lines.into_iter().collect()
}

/// The implementations for the type that an item defines: those that name it, in whatever module they are.
fn implementations<'c>(of: &'c Crate, module: &ModulePath, item: &Item) -> Vec<&'c ItemImpl> {
    let name = match item {
        Item::Struct(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        _ => return Vec::new(),
    };
    // Two types of one name: an implementation is for the one of its own module.
    let is_type = |item: &Item| match item {
        Item::Struct(item) => item.ident == *name,
        Item::Enum(item) => item.ident == *name,
        _ => false,
    };
    let is_only = of.items().filter(|(_, item)| is_type(item)).count() == 1;
    let is_for =
        |of: &ItemImpl| matches!(&*of.self_ty, Type::Path(path) if last(&path.path).is_some_and(|last| *name == last));
    let found = of.items().filter(|(at, _)| is_only || *at == module).filter_map(|(_, item)| match item {
        Item::Impl(implementation) if is_for(implementation) => Some(implementation),
        _ => None,
    });
    found.collect()
}

fn add_item(lines: &mut BTreeSet<String>, path: &str, item: &Item, implementations: &[&ItemImpl]) {
    match item {
        Item::Const(item) => {
            let ty = shown_type(&item.ty);
            lines.insert(format!("pub const {path}: {ty}"));
        }
        Item::Static(item) => {
            let ty = shown_type(&item.ty);
            lines.insert(format!("pub static {path}: {ty}"));
        }
        Item::Type(item) => {
            let (generics, ty) = (shown_generics(&item.generics), shown_type(&item.ty));
            lines.insert(format!("pub type {path}{generics} = {ty}"));
        }
        Item::Fn(item) => drop(lines.insert(format!("pub {}", shown_signature(&item.sig, path)))),
        Item::Struct(item) => {
            let (open, generics) = (openness(&item.attrs), shown_generics(&item.generics));
            lines.insert(format!("{open}pub struct {path}{generics}"));
            add_derives(lines, path, &item.attrs);
            add_fields(lines, path, &item.fields, false);
        }
        Item::Enum(item) => {
            let (open, generics) = (openness(&item.attrs), shown_generics(&item.generics));
            lines.insert(format!("{open}pub enum {path}{generics}"));
            add_derives(lines, path, &item.attrs);
            for variant in &item.variants {
                let path = format!("{path}::{}", variant.ident);
                lines.insert(format!("{}pub variant {path}", openness(&variant.attrs)));
                add_fields(lines, &path, &variant.fields, true);
            }
        }
        Item::Trait(item) => add_trait(lines, path, item),
        Item::Macro(item) => {
            // The patterns are its API.
            let trees: Vec<String> = item.mac.tokens.clone().into_iter().map(|tree| tree.to_string()).collect();
            let hidden = if item.attrs.iter().any(is_hidden) { "#[doc(hidden)] " } else { "" };
            for rule in trees.windows(3).filter(|rule| rule[1] == "=" && rule[2] == ">") {
                lines.insert(format!("{hidden}pub macro {path}! {}", collapsed(&rule[0])));
            }
        }
        _ => {}
    }
    for implementation in implementations {
        add_implementation(lines, path, implementation);
    }
}

fn add_trait(lines: &mut BTreeSet<String>, path: &str, item: &ItemTrait) {
    let bounds = &item.supertraits;
    let bounds = if bounds.is_empty() { String::new() } else { format!(": {}", shown_bounds(bounds)) };
    lines.insert(format!("pub trait {path}{}{bounds}", shown_generics(&item.generics)));
    for member in &item.items {
        match member {
            TraitItem::Fn(member) => {
                let provided = if member.default.is_some() { "provided " } else { "" };
                let path = format!("{path}::{}", member.sig.ident);
                lines.insert(format!("pub {provided}{}", shown_signature(&member.sig, &path)));
            }
            TraitItem::Const(member) => {
                let provided = if member.default.is_some() { "provided " } else { "" };
                lines.insert(format!("pub {provided}const {path}::{}: {}", member.ident, shown_type(&member.ty)));
            }
            TraitItem::Type(member) => {
                let bounds = &member.bounds;
                let bounds = if bounds.is_empty() { String::new() } else { format!(": {}", shown_bounds(bounds)) };
                lines.insert(format!("pub type {path}::{}{bounds}", member.ident));
            }
            _ => {}
        }
    }
}

fn add_implementation(lines: &mut BTreeSet<String>, path: &str, implementation: &ItemImpl) {
    if let Some((_, of, _)) = &implementation.trait_ {
        let (generics, of) = (shown_generics(&implementation.generics), shown_type(&parse_quote!(#of)));
        lines.insert(format!("impl{generics} {of} for {path}"));
        return;
    }
    for member in &implementation.items {
        match member {
            ImplItem::Fn(member) if is_public(&member.vis) => {
                let path = format!("{path}::{}", member.sig.ident);
                lines.insert(format!("pub {}", shown_signature(&member.sig, &path)));
            }
            ImplItem::Const(member) if is_public(&member.vis) => {
                lines.insert(format!("pub const {path}::{}: {}", member.ident, shown_type(&member.ty)));
            }
            _ => {}
        }
    }
}

fn add_fields(lines: &mut BTreeSet<String>, path: &str, fields: &Fields, are_public: bool) {
    for (index, field) in fields.iter().enumerate().filter(|(_, field)| are_public || is_public(&field.vis)) {
        let name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
        lines.insert(format!("pub field {path}::{name}: {}", shown_type(&field.ty)));
    }
}

fn add_derives(lines: &mut BTreeSet<String>, path: &str, attributes: &[Attribute]) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let derived = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
        for derived in derived.into_iter().flatten() {
            if let Some(name) = last(&derived) {
                lines.insert(format!("impl {name} for {path}"));
            }
        }
    }
}

fn last(path: &Path) -> Option<String> {
    path.segments.last().map(|segment| segment.ident.to_string())
}

fn openness(attributes: &[Attribute]) -> &'static str {
    let is_open = attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"));
    if is_open { "#[non_exhaustive] " } else { "" }
}

fn is_hidden(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc") && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "hidden")
}

/// A signature in one line, with the whole path instead of the name.
fn shown_signature(signature: &Signature, path: &str) -> String {
    let (block, name): (Block, _) = (parse_quote!({}), signature.ident.to_string());
    let mut signature = signature.clone();
    for argument in &mut signature.inputs {
        // That an argument is changed inside is nobody's business.
        match argument {
            FnArg::Typed(argument) => {
                if let Pat::Ident(argument) = &mut *argument.pat {
                    argument.mutability = None;
                }
            }
            FnArg::Receiver(receiver) if receiver.reference.is_none() => receiver.mutability = None,
            FnArg::Receiver(_) => {}
        }
    }
    let text = printed(parse_quote!(#signature #block));
    let text = text.trim_end().trim_end_matches("{}").trim_end();
    text.replacen(&format!("fn {name}"), &format!("fn {path}"), 1)
}

fn shown_type(ty: &Type) -> String {
    let text = printed(parse_quote!(type X = #ty;));
    text.trim_start_matches("type X = ").trim_end_matches(';').to_owned()
}

fn shown_generics(generics: &Generics) -> String {
    let (text, condition) = (printed(parse_quote!(struct X #generics;)), &generics.where_clause);
    let condition = condition.as_ref().map(|condition| printed(parse_quote!(struct X #condition;)));
    let inner = |text: String| text.trim_start_matches("struct X").trim_end_matches(';').trim_end().to_owned();
    format!("{}{}", inner(text), condition.map(inner).unwrap_or_default())
}

fn shown_bounds(bounds: &Punctuated<syn::TypeParamBound, Token![+]>) -> String {
    let text = printed(parse_quote!(trait X: #bounds {}));
    text.trim_start_matches("trait X: ").trim_end_matches("{}").trim_end().to_owned()
}

/// An item in one line.
fn printed(item: Item) -> String {
    collapsed(&prettyplease::unparse(&File { shebang: None, attrs: Vec::new(), items: vec![item] }))
}

/// The text in one line, as if it had not been too long for one.
fn collapsed(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("( ", "(")
        .replace(", )", ")")
        .replace(" )", ")")
        .replace(", >", ">")
        .replace("< ", "<")
        .replace(",)", ")")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(files: &[(&str, &str)]) -> Vec<String> {
        let read = |path: &std::path::Path| {
            let file = files.iter().find(|(name, _)| std::path::Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned())
        };
        lines(&Crate::read("tea", &read).unwrap())
    }

    #[test]
    fn lists_what_can_be_reached_and_nothing_else() {
        let lib = "
            mod pot;
            pub mod tools { pub fn warm(water: &mut Water) -> bool { true } fn private() {} }
            pub use pot::{Lid, Pot as Kettle};
            pub use serde_json::json;
            pub const CUPS: usize = 4;
            #[cfg(test)] pub mod tests { pub fn never() {} }
            #[macro_export] macro_rules! brew { ($pot:expr) => { $pot.brew() }; }
        ";
        let pot = "
            mod lid;
            pub use lid::Lid;
            #[derive(Clone, Debug)] #[non_exhaustive]
            pub struct Pot { pub leaves: Vec<String>, hot: bool }
            impl Pot { pub const fn new(hot: bool) -> Self { Self { leaves: Vec::new(), hot } } fn private(&self) {} }
            impl Default for Pot { fn default() -> Self { Self::new(false) } }
            pub struct Unreached;
            pub trait Brewing<T>: Send + Sync { type Cup: Clone; fn brew(&self, t: T) -> Self::Cup; fn wait(&self) {} }
        ";
        let lid = "pub enum Lid { On, Off(u8), Beside { far: bool } }";
        let found = listed(&[("lib.rs", lib), ("pot.rs", pot), ("pot/lid.rs", lid)]);
        let expected = [
            "#[non_exhaustive] pub struct tea::Kettle",
            "impl Clone for tea::Kettle",
            "impl Debug for tea::Kettle",
            "impl Default for tea::Kettle",
            "pub const fn tea::Kettle::new(hot: bool) -> Self",
            "pub const tea::CUPS: usize",
            "pub enum tea::Lid",
            "pub field tea::Kettle::leaves: Vec<String>",
            "pub field tea::Lid::Beside::far: bool",
            "pub field tea::Lid::Off::0: u8",
            "pub fn tea::tools::warm(water: &mut Water) -> bool",
            "pub macro tea::brew! ($ pot : expr)",
            "pub use tea::json = serde_json::json",
            "pub variant tea::Lid::Beside",
            "pub variant tea::Lid::Off",
            "pub variant tea::Lid::On",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_trait_says_what_must_be_there() {
        let lib = "pub trait Brew<T>: Send + Sync { type Cup: Clone; const C: u8 = 1; fn brew(&self, t: T) -> Self::Cup; fn wait(&self) {} }
            pub fn all<T: Brew<u8>>(mut of: impl IntoIterator<Item = T>, a_rather_long_name: &mut Vec<String>, another: u64) -> u8 where T: Clone { 0 }";
        let expected = [
            "pub fn tea::Brew::brew(&self, t: T) -> Self::Cup",
            "pub fn tea::all<T: Brew<u8>>(of: impl IntoIterator<Item = T>, a_rather_long_name: &mut Vec<String>, another: u64) -> u8 where T: Clone,",
            "pub provided const tea::Brew::C: u8",
            "pub provided fn tea::Brew::wait(&self)",
            "pub trait tea::Brew<T>: Send + Sync",
            "pub type tea::Brew::Cup: Clone",
        ];
        assert_eq!(listed(&[("lib.rs", lib)]), expected);
    }
}
