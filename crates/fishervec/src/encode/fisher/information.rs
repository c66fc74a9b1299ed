//! The Fisher information that gives gradients comparable units.

crate::util::string_enum::string_enum! {
    /// The Fisher information an encoding is normalised by.
    pub enum Information as "information" {
        /// None: the gradients as they are.
        None = "none",
        /// The closed form of Sanchez et al. 2013, Eqs. 16 to 18: that of the complete data, diagonal.
        ClosedForm = "closed-form",
        /// The empirical diagonal: each coordinate over the root of its mean square on training sets.
        Empirical = "empirical",
        /// Each coordinate centred and standardised over training sets.
        EmpiricalCentred = "empirical-centred",
    }
}

impl Information {
    /// Whether there is none.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
    pub(crate) fn is_none(&self) -> bool {
        *self == Information::None
    }

    /// Whether it is learned from training sets.
    #[must_use]
    pub fn is_empirical(self) -> bool {
        matches!(self, Information::Empirical | Information::EmpiricalCentred)
    }
}

impl Default for Information {
    /// None, as in model files that do not say.
    fn default() -> Self {
        Information::None
    }
}
