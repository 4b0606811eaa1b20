"""Administration: who may use Knote, and who looks after that."""
