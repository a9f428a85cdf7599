"""Stand by for databases: standby STEP [DATABASE ...]. The answer is JSON, or exit code 1 and a reason.

look; copy DATABASE [again]; progress DATABASE; follow DATABASE; healthy DATABASE; hold DATABASE; release DATABASE;
end_others.
"""

import json
import sys

import copying
import following
import looking
import pymysql
from settings import RefusedError

STEPS = {
    "look": looking.look,
    "healthy": looking.healthy,
    "copy": copying.copy,
    "progress": copying.progress,
    "end_others": copying.end_others,
    "follow": following.follow,
    "hold": following.hold,
    "release": following.release,
}

if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in STEPS:
        sys.exit(__doc__)
    try:
        print(json.dumps(STEPS[sys.argv[1]](*sys.argv[2:])))
    except RefusedError as refusal:
        sys.exit(str(refusal))
    except pymysql.MySQLError as error:
        sys.exit(f"its server: {error.args[-1]}")
