//! Enumerations whose variants have the spelling users write: on the command line, in Python, in files.

/// Defines an enum with `Display`, `FromStr` and the list of its variants, from one spelling each.
macro_rules! named {
    ($(#[$doc:meta])* pub enum $type:ident as $what:literal {
        $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type { $($(#[$variant_doc])* $variant,)+ }

        impl $type {
            /// All choices, in the order of their declaration.
            pub const ALL: &[$type] = &[$($type::$variant),+];

            /// Its name, as users write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
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
pub(crate) use named;
