//! What keys do: pressed on the sample store, seen in the state and in what goes outward.
