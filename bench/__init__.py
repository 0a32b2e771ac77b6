"""What Tenuto costs: each module measures one thing; `python -m bench` runs them all."""
