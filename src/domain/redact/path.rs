//! Places in JSON that a rule names: `$.user.name`, `$.items[*].note`, `$..note`.

/// A path with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
    /// Any member or element.
    Any,
    /// Any number of members and elements.
    Deep,
}

/// One step of a real place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Name(String),
    Index(usize),
}

impl Path {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.strip_prefix('$').ok_or("a path begins with $")?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (index, behind) = inside.split_once(']').ok_or("a [ is not closed")?;
                let quoted = index.strip_prefix(['\'', '"']).and_then(|index| index.strip_suffix(['\'', '"']));
                steps.push(match (quoted, index) {
                    (Some(name), _) => Step::Name(name.to_owned()),
                    (None, "*") => Step::Any,
                    (None, _) => Step::Index(index.parse().map_err(|_| format!("`{index}` is no index"))?),
                });
                rest = behind;
                continue;
            }
            rest = rest.strip_prefix('.').ok_or_else(|| format!("expected . or [ at `{rest}`"))?;
            if let Some(behind) = rest.strip_prefix('.') {
                steps.push(Step::Deep);
                rest = behind;
            }
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(end);
            match name {
                "" if rest.starts_with('[') => {}
                "" => return Err("a name is missing".to_owned()),
                "*" => steps.push(Step::Any),
                name => steps.push(Step::Name(name.to_owned())),
            }
            rest = behind;
        }
        Ok(Self(steps))
    }

    pub fn fits(&self, place: &[Place]) -> bool {
        fits(&self.0, place)
    }
}

fn fits(steps: &[Step], place: &[Place]) -> bool {
    let Some((step, steps)) = steps.split_first() else { return place.is_empty() };
    if *step == Step::Deep {
        return (0..=place.len()).any(|skipped| fits(steps, &place[skipped..]));
    }
    let Some((here, place)) = place.split_first() else { return false };
    let fitting = match (step, here) {
        (Step::Any, _) => true,
        (Step::Name(wanted), Place::Name(name)) => wanted == name,
        (Step::Index(wanted), Place::Index(index)) => wanted == index,
        _ => false,
    };
    fitting && fits(steps, place)
}

/// A real place as it is shown.
pub fn shown(place: &[Place]) -> String {
    let mut text = "$".to_owned();
    for step in place {
        match step {
            Place::Index(index) => text.push_str(&format!("[{index}]")),
            Place::Name(name) => {
                let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
                text.push_str(&if plain { format!(".{name}") } else { format!("[{name:?}]") });
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_depth_fit_what_they_say() {
        let place =
            [Place::Name("items".into()), Place::Index(3), Place::Name("a b".into()), Place::Name("note".into())];
        for path in ["$.items[3]['a b'].note", "$.items[*].*.note", "$..note", "$..items..note", "$..[3]..note"] {
            assert!(Path::parse(path).expect("a path").fits(&place), "{path}");
        }
        for path in ["$", "$.items", "$.items[4]..note", "$..not", "$.*.note"] {
            assert!(!Path::parse(path).expect("a path").fits(&place), "{path}");
        }
        assert_eq!(shown(&place), "$.items[3][\"a b\"].note");
        for wrong in ["items", "$items", "$.", "$.a[", "$.a[x]", "$.a..", "$.a[1]b"] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }
}
