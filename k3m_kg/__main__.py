"""`python -m k3m_kg` is `k3m-kg`: for `torchrun -m k3m_kg pretrain CONFIG`."""

from k3m_kg.cli.app import main

if __name__ == "__main__":
    main()
