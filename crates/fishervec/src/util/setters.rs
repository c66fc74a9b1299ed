//! Builder methods of settings.

/// Defines one method per setting, which returns the settings with that one changed.
macro_rules! setters {
    ($type:ident { $($(#[$doc:meta])* $field:ident: $value:ty),+ $(,)? }) => {
        impl $type {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $field(mut self, $field: $value) -> Self {
                    self.$field = $field;
                    self
                }
            )+
        }
    };
}
pub(crate) use setters;
