"""Finds solid electrolytes and coatings for lithium batteries worth making next."""
