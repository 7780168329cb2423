import pandas as pd


def test_precursors_are_balanced_sets_of_what_is_at_hand(ionsieve, tmp_path):
    (tmp_path / "at_hand.csv").write_text("formula\nLi2S\nP2S5\nLiF\n")
    code, _, _ = ionsieve("precursors", "Li3PS4", "--available", tmp_path / "at_hand.csv", "--out", tmp_path / "p.csv")
    assert code == 0
    table = pd.read_csv(tmp_path / "p.csv")
    # by hand: 3 Li2S + P2S5 -> 2 Li3PS4, per formula unit of the target
    assert table["precursors"].tolist() == ["1.5 Li2S + 0.5 P2S5"]


def test_a_target_without_a_set_or_that_cannot_be_read_is_one_sentence(ionsieve, tmp_path):
    (tmp_path / "at_hand.csv").write_text("formula\nLiF\n")
    code, _, said = ionsieve("precursors", "Li3PS4", "--available", tmp_path / "at_hand.csv")
    assert code != 0
    assert "no balanced set" in said
    code, _, said = ionsieve("precursors", "Xx2")
    assert code != 0
    assert "Xx2" in said
    assert "Traceback" not in said
