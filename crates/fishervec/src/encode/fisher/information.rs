//! The Fisher information, which gives gradients comparable units.

crate::util::string_enum::string_enum! {
    /// The Fisher information that an encoding is normalised by.
    pub enum Information as "information" {
        /// None: the gradients are not scaled.
        None = "none",
        /// The closed form of Sanchez et al. 2013, Eqs. 16 to 18: the diagonal information of the complete
        /// data.
        ClosedForm = "closed-form",
        /// The empirical diagonal: each coordinate is divided by the root of its mean square over training
        /// sets.
        Empirical = "empirical",
        /// The empirical diagonal, centred: each coordinate is standardised over training sets.
        EmpiricalCentred = "empirical-centred",
    }
}

impl Information {
    /// Whether it is learned from training sets.
    #[must_use]
    pub fn is_empirical(self) -> bool {
        matches!(self, Information::Empirical | Information::EmpiricalCentred)
    }
}

impl Default for Information {
    /// None, as in model files without this setting.
    fn default() -> Self {
        Information::None
    }
}
