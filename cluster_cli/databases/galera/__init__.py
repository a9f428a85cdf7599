"""Mode galera: a majority of its nodes goes on by itself."""
