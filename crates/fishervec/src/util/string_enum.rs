//! Enums whose variants are spelled as users write them: on the command line, in Python, in files.

/// Defines an enum with `Display`, `FromStr` and the list of its variants, from one spelling each.
macro_rules! string_enum {
    ($(#[$doc:meta])* $visible:vis enum $type:ident as $what:literal {
        $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visible enum $type { $($(#[$variant_doc])* $variant,)+ }

        impl $type {
            /// All choices, in the order of their declaration.
            #[allow(dead_code, reason = "not every enum is listed")]
            $visible const ALL: &[$type] = &[$($type::$variant),+];

            /// Its name, as users write it.
            #[must_use]
            $visible const fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
                to.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
                let name = <String as serde::Deserialize>::deserialize(from)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(text: &str) -> $crate::Result<Self> {
                match text {
                    $($name => Ok($type::$variant),)+
                    other => Err($crate::Error::Parameter {
                        name: $what,
                        expected: format!("one of {}", [$($name),+].join(", ")),
                        got: format!("{other:?}"),
                    }),
                }
            }
        }
    };
}
pub(crate) use string_enum;
