"""What is measured: one file each, whose `cases` say who takes part and how."""
