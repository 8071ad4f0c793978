import sys; sys.path.insert(0,'/var/tmp/breaker'); sys.dont_write_bytecode=True
from tests.unit.test_keep import *
from dataclasses import replace
old=node_disk(0,PV); g="LVM-"+"a"*32+"b"*32
root=Volume("dm-0",VolumeKind.LVM,"/dev/mapper/trebol-root",GIB,("vda3",),"trebol",g,(),("/mnt",))
w={"filesystem":"ext4","disk-list":["virtio-d0"],"keep":["data"],"wipe":"confirmed"}
p=plan(replace(made_machine(old),volumes=(root,)),answers(("disk-setup",w)),manifest())
from trebol_installer.steps import WipeDisk
print([step_name(s) for s in p.steps][:8],"WipeDisk:",sum(isinstance(s,WipeDisk) for s in p.steps))
