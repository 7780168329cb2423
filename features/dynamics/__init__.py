"""What an interatomic potential says of a moving ion: frozen landscapes (bands and dynamics to come)."""
